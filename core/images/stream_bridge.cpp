#include "images/stream_bridge.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <vector>

#include "base/file.hpp"
#include "images/background_task.hpp"
#include "images/upload_ring.hpp"

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

/// The worker's end.
class RingSource final : public ByteSource {
 public:
  explicit RingSource(UploadRing& ring) : ring_(ring) {}
  ~RingSource() override { ring_.leave(); }
  RingSource(const RingSource&) = delete;
  RingSource& operator=(const RingSource&) = delete;
  std::size_t read(std::span<std::byte> buffer) override { return ring_.read(buffer); }

 private:
  UploadRing& ring_;
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

awaitable<void> feed(UploadSource source, std::shared_ptr<UploadRing> ring) {
  // Whatever ends this, the worker must not take it for the end of the upload.
  struct End {
    UploadRing& ring;
    bool whole{};
    ~End() { ring.end(whole); }
  } end{*ring};
  for (;;) {
    const std::span<std::byte> room = co_await ring->room();
    if (room.empty()) co_return;  // the worker wants no more; it says why
    const std::size_t got = co_await source(room);
    if (got == 0) break;
    ring->filled(got);
  }
  end.whole = true;
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
  const auto ring = std::make_shared<UploadRing>(executor);
  const BackgroundTask feeding{executor, feed(std::move(source), ring)};
  std::exception_ptr error;
  try {
    co_await workers.run(Pool::slow, [&] {
      RingSource upload{*ring};
      work(upload);
    });
  } catch (...) {
    error = std::current_exception();
  }
  ring->leave();
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
