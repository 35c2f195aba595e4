#include "chunked_fetch.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

#include "registry_error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

constexpr int kChunkTries = 3;
/// A driver looks that often whether it is cancelled.
constexpr std::chrono::milliseconds kLook{100};

}  // namespace

ChunkPlaces::Taken ChunkPlaces::take(std::size_t wanted) {
  const std::lock_guard lock{mutex_};
  const std::size_t count = std::min(wanted, free_) < 2 ? 0 : std::min(wanted, free_);
  free_ -= count;
  return {*this, count};
}

ChunkPlaces::Taken::~Taken() {
  const std::lock_guard lock{from_.mutex_};
  from_.free_ += count_;
}

/// The call as the connections see it: it also ends when nobody wants their pieces any more.
class ChunkedFetch::LaneCall final : public gantry::Call {
 public:
  explicit LaneCall(const gantry::Call& call) : call_(call), stop_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stop_fd_) throw Error{Errc::exhausted, "no descriptor to fetch a blob"};
  }
  [[nodiscard]] bool cancelled() const noexcept override { return stopped_ || call_.cancelled(); }
  // The call's own one wakes whoever waits for the pieces, and that stops the connections.
  [[nodiscard]] int cancel_fd() const noexcept override { return stop_fd_.get(); }
  void progress(const gantry::Progress& report) const override { call_.progress(report); }
  void log(gantry::LogLevel level, std::string_view message) const noexcept override { call_.log(level, message); }

  void stop() noexcept {
    stopped_ = true;
    ::eventfd_write(stop_fd_.get(), 1);
  }

 private:
  const gantry::Call& call_;
  gantry::UniqueFd stop_fd_;
  std::atomic<bool> stopped_{false};
};

ChunkedFetch::ChunkedFetch(const Session& session, const Repository& repository, const Descriptor& blob,
                           std::uint64_t from, std::size_t connections)
    : session_(session),
      repository_(repository),
      blob_(blob),
      begin_(from),
      at_(from),
      call_(std::make_unique<LaneCall>(session.call())),
      lanes_(connections) {
  try {
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      lanes_[lane].thread = std::thread{[this, lane] { work(lane); }};
    }
  } catch (...) {
    stop();
    throw;
  }
}

ChunkedFetch::~ChunkedFetch() { stop(); }

void ChunkedFetch::stop() noexcept {
  {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
  }
  call_->stop();
  changed_.notify_all();
  for (Lane& lane : lanes_) {
    if (lane.thread.joinable()) lane.thread.join();
  }
}

std::size_t ChunkedFetch::size_of_piece(std::uint64_t from) const {
  return from >= blob_.size ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, blob_.size - from));
}

void ChunkedFetch::work(std::size_t lane) {
  Lane& mine = lanes_[lane];
  std::optional<Session> session;
  for (std::uint64_t from = begin_ + lane * kChunk; size_of_piece(from) > 0; from += lanes_.size() * kChunk) {
    std::exception_ptr error;
    try {
      if (!session) session.emplace(session_, *call_);
      mine.piece.resize(size_of_piece(from));
      fetch(*session, from, mine.piece);
    } catch (...) {
      error = std::current_exception();
    }
    std::unique_lock lock{mutex_};
    mine.error = error;
    mine.full = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !mine.full || stopped_; });
    if (stopped_ || error) return;
  }
}

void ChunkedFetch::fetch(Session& session, std::uint64_t from, std::vector<std::byte>& piece) {
  std::size_t have = 0;
  for (int attempt = 0;;) {
    const std::size_t before = have;
    std::string why = "unexpected EOF";
    try {
      have += fetch_part(session, from + have, std::span{piece}.subspan(have));
      if (have == piece.size()) return;
    } catch (const TransportError& error) {
      why = error.what();
    }
    attempt = have > before ? 0 : attempt + 1;
    if (attempt == kChunkTries) throw Error{Errc::io, why};
    pause(backoff(attempt, ""), *call_);
  }
}

/// As much as comes by one request.
std::size_t ChunkedFetch::fetch_part(Session& session, std::uint64_t from, std::span<std::byte> room) {
  Request request;
  request.url = session.url(repository_.path + "/blobs/" + blob_.digest);
  const std::string range = std::to_string(from) + "-" + std::to_string(from + room.size() - 1);
  request.headers = {{"Accept-Encoding", "identity"}, {"Range", "bytes=" + range}};
  Response response = session.send(request);
  const std::string given = response.header("Content-Range");
  const bool fits = given == "bytes " + range + "/" + std::to_string(blob_.size) || given == "bytes " + range + "/*";
  if (response.status() != 206 || !fits) {
    throw Error{Errc::io, Session::label(request) + ": status " + response.status_text() + ", \"" + given +
                              "\" instead of \"bytes " + range + "\""};
  }
  std::size_t have = 0;
  try {
    while (have < room.size()) {
      const std::size_t got = response.read(room.subspan(have));
      if (got == 0) break;
      have += got;
    }
    // Reads the end of the body, so that the connection can be used again.
    std::byte surplus{};
    if (have == room.size() && response.read({&surplus, 1}) > 0) {
      throw Error{Errc::io, Session::label(request) + ": more came than was asked for"};
    }
  } catch (const TransportError&) {
    if (have == 0) throw;
  }
  return have;
}

std::span<const std::byte> ChunkedFetch::next() {
  std::unique_lock lock{mutex_};
  if (handed_on_ > 0) {
    lanes_[(handed_on_ - 1) % lanes_.size()].full = false;
    changed_.notify_all();
  }
  if (at_ == blob_.size) return {};
  Lane& lane = lanes_[handed_on_ % lanes_.size()];
  while (!changed_.wait_for(lock, kLook, [&] { return lane.full; })) session_.call().check();
  if (lane.error) std::rethrow_exception(lane.error);
  ++handed_on_;
  at_ += lane.piece.size();
  return lane.piece;
}

}  // namespace hub
