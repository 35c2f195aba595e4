#include "api/streams.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

namespace gantry::api {

namespace {

using UnixSocket = asio::local::stream_protocol::socket;
constexpr std::size_t kBufferSize = 32 * 1024;

// Ends with the process's output; false when it is the client that no longer takes it.
awaitable<bool> copy_output(UnixSocket& from, Upgraded& to, StreamSettings& settings) {
  std::string passed;
  // Not filled with zeros: of a client that only waits it costs no memory.
  const auto buffer = std::make_unique_for_overwrite<std::array<char, kBufferSize>>();
  for (;;) {
    boost::system::error_code failed;
    const std::size_t got =
        co_await from.async_read_some(asio::buffer(*buffer), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return true;
    std::string_view output{buffer->data(), got};
    if (settings.frames) {
      passed.clear();
      settings.frames->filter(output, passed);
      output = passed;
    } else if (settings.add_frames) {
      passed = framed_output(output);
      output = passed;
    }
    if (output.empty()) continue;
    bool taken = true;
    try {
      co_await to.write(output);
    } catch (const std::exception&) {
      taken = false;
    }
    if (!taken) co_return false;
  }
}

// Ends when the client detaches (true), or has gone altogether (false). The end of its input alone is no end for one
// that only listens: `docker attach` without stdin closes its half at once.
awaitable<bool> copy_input(std::shared_ptr<Upgraded> from, UnixSocket& to, StreamSettings& settings) {
  std::array<std::byte, 4096> buffer{};
  std::string passed;
  bool writable = settings.input;
  for (;;) {
    const std::size_t got = co_await from->read(buffer);
    if (got == 0) break;
    if (!writable) continue;
    const std::string_view input{reinterpret_cast<const char*>(buffer.data()), got};
    passed.clear();
    bool detach = false;
    if (settings.detach_keys) {
      detach = settings.detach_keys->filter(input, passed);
    } else {
      passed = input;
    }
    boost::system::error_code failed;
    co_await asio::async_write(to, asio::buffer(passed), asio::redirect_error(asio::use_awaitable, failed));
    // A process that has closed its stdin may still write.
    if (failed) writable = false;
    if (detach) co_return true;
  }
  // Who has nothing more to say to a process that goes on is done with it, as dockerd sees it.
  if (settings.input && !settings.close_input) co_return false;
  if (settings.input) {
    boost::system::error_code ignored;
    to.shutdown(UnixSocket::shutdown_send, ignored);
  }
  co_await from->gone();
  co_return false;
}

awaitable<void> end_and_forget(std::shared_ptr<Upgraded> client) {
  try {
    co_await client->close_write();
    std::array<std::byte, 4096> buffer{};
    while (co_await client->read(buffer) > 0) {
    }
  } catch (const std::exception&) {
    // The client has hung up.
  }
}

}  // namespace

awaitable<void> hang_up(std::shared_ptr<Upgraded> client) {
  using namespace asio::experimental::awaitable_operators;
  constexpr std::chrono::seconds kPatience{10};
  asio::steady_timer patience{co_await asio::this_coro::executor, kPatience};
  try {
    co_await (end_and_forget(client) || patience.async_wait(asio::use_awaitable));
  } catch (const std::exception&) {
    // The daemon ends.
  }
  client->close();
}

awaitable<StreamEnd> copy_streams(std::shared_ptr<Upgraded> client, UniqueFd socket, StreamSettings settings) {
  using namespace asio::experimental::awaitable_operators;
  UnixSocket streams{co_await asio::this_coro::executor};
  streams.assign(asio::local::stream_protocol{}, socket.get());
  static_cast<void>(socket.release());
  const auto ended = co_await (copy_output(streams, *client, settings) || copy_input(client, streams, settings));
  if (ended.index() == 0) co_return std::get<0>(ended) ? StreamEnd::output_ended : StreamEnd::client_gone;
  co_return std::get<1>(ended) ? StreamEnd::detached : StreamEnd::client_gone;
}

}  // namespace gantry::api
