#include "images/stream_bridge.hpp"

#include "images/background_task.hpp"
#include "images/download_ring.hpp"
#include "images/upload_ring.hpp"

namespace gantry::images {
namespace {

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

awaitable<void> drain(DownloadSink sink, DownloadRing& ring) {
  for (;;) {
    const std::span<const std::byte> piece = co_await ring.next();
    if (piece.empty()) co_return;
    co_await sink({reinterpret_cast<const char*>(piece.data()), piece.size()});
    ring.taken(piece.size());
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
  const auto ring = std::make_shared<DownloadRing>(executor);
  const auto working = [&]() -> awaitable<void> {
    struct End {
      DownloadRing& ring;
      ~End() { ring.end(); }
    } end{*ring};
    co_await workers.run(Pool::slow, [&] { work(*ring); });
  };
  const BackgroundTask task{executor, working()};
  std::exception_ptr error;
  try {
    co_await drain(std::move(sink), *ring);
  } catch (...) {
    error = std::current_exception();
  }
  ring->leave();
  co_await task.wait();
  if (error) std::rethrow_exception(error);
  if (task.error()) std::rethrow_exception(task.error());
}

}  // namespace gantry::images
