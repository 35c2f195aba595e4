#include "images/stream_bridge.hpp"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <vector>

#include "base/file.hpp"
#include "images/background_task.hpp"

namespace gantry::images {
namespace {

using Socket = asio::local::stream_protocol::socket;
constexpr std::size_t kPiece = std::size_t{64} << 10;

struct Ends {
  UniqueFd ours;
  UniqueFd workers;
};

Ends make_ends() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) throw_errno("socketpair");
  return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

class SocketSource final : public ByteSource {
 public:
  SocketSource(int fd, const std::atomic<bool>& broken) : fd_(fd), broken_(broken) {}
  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0 && !broken_) return 0;
      if (got == 0) throw Error{Errc::cancelled, "unexpected EOF"};
      if (errno != EINTR) throw_errno("cannot read the upload");
    }
  }

 private:
  int fd_;
  const std::atomic<bool>& broken_;
};

class SocketSink final : public ByteSink {
 public:
  explicit SocketSink(int fd) : fd_(fd) {}
  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) throw Error{Errc::cancelled, "the client has gone away"};
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
  }

 private:
  int fd_;
};

awaitable<void> feed(UploadSource source, Socket& socket, std::atomic<bool>& broken) {
  std::vector<std::byte> buffer(kPiece);
  // Whatever ends this, the worker must not take it for the end of the upload.
  broken = true;
  for (;;) {
    const std::size_t got = co_await source(buffer);
    if (got == 0) break;
    boost::system::error_code failed;
    co_await asio::async_write(socket, asio::buffer(buffer.data(), got),
                               asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;  // the worker wants no more; it says why
  }
  broken = false;
}

awaitable<void> feed_and_close(UploadSource source, Socket& socket, std::atomic<bool>& broken) {
  std::exception_ptr error;
  try {
    co_await feed(std::move(source), socket, broken);
  } catch (...) {
    error = std::current_exception();
  }
  boost::system::error_code ignored;
  socket.close(ignored);
  if (error) std::rethrow_exception(error);
}

awaitable<void> drain(DownloadSink sink, Socket& socket) {
  std::vector<char> buffer(kPiece);
  for (;;) {
    boost::system::error_code failed;
    const std::size_t got =
        co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    co_await sink({buffer.data(), got});
  }
}

}  // namespace

awaitable<void> read_upload(Workers& workers, UploadSource source, std::function<void(ByteSource&)> work) {
  const auto executor = co_await asio::this_coro::executor;
  Ends ends = make_ends();
  Socket socket{executor, asio::local::stream_protocol{}, ends.ours.release()};
  std::atomic<bool> broken{false};
  const BackgroundTask feeding{executor, feed_and_close(std::move(source), socket, broken)};
  std::exception_ptr error;
  try {
    co_await workers.run(Pool::slow, [&] {
      const UniqueFd fd = std::move(ends.workers);
      SocketSource upload{fd.get(), broken};
      work(upload);
    });
  } catch (...) {
    error = std::current_exception();
  }
  co_await feeding.wait();
  if (error) std::rethrow_exception(error);
}

awaitable<void> write_download(Workers& workers, DownloadSink sink, std::function<void(ByteSink&)> work) {
  const auto executor = co_await asio::this_coro::executor;
  Ends ends = make_ends();
  const auto working = [&]() -> awaitable<void> {
    co_await workers.run(Pool::slow, [&] {
      const UniqueFd fd = std::move(ends.workers);
      SocketSink download{fd.get()};
      work(download);
    });
  };
  std::exception_ptr error;
  BackgroundTask task;
  {
    Socket socket{executor, asio::local::stream_protocol{}, ends.ours.release()};
    task = BackgroundTask{executor, working()};
    try {
      co_await drain(sink, socket);
    } catch (...) {
      error = std::current_exception();
    }
  }
  co_await task.wait();
  if (error) std::rethrow_exception(error);
  if (task.error()) std::rethrow_exception(task.error());
}

}  // namespace gantry::images
