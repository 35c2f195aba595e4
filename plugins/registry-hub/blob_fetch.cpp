#include "blob_fetch.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "registry_error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

constexpr int kAttempts = 5;
constexpr std::size_t kBuffer = std::size_t{128} << 10;
/// What is left must be worth several connections; so much of it shows how fast it comes by one.
constexpr std::uint64_t kLarge = std::uint64_t{16} << 20;
constexpr std::uint64_t kProbe = std::uint64_t{4} << 20;

using Clock = std::chrono::steady_clock;

}  // namespace

std::string BlobFetch::label() const {
  Request request;
  request.url = session_.url(repository_.path + "/blobs/" + blob_.digest);
  return Session::label(request);
}

std::uint64_t BlobFetch::end_of_part() const {
  const bool probe = spare_.per_blob > 1 && ranges_ && speed_ != Speed::enough && blob_.size - at_ >= kLarge;
  return probe ? at_ + kProbe : blob_.size;
}

Response BlobFetch::request(std::uint64_t end) {
  Request request;
  request.url = session_.url(repository_.path + "/blobs/" + blob_.digest);
  // Compression on the way would hide the blob's own bytes.
  request.headers.emplace_back("Accept-Encoding", "identity");
  if (ranges_ && end < blob_.size) {
    request.headers.emplace_back("Range", "bytes=" + std::to_string(at_) + "-" + std::to_string(end - 1));
  } else if (ranges_ && at_ > 0) {
    request.headers.emplace_back("Range", "bytes=" + std::to_string(at_) + "-");
  }
  Response response = session_.send(request);
  if (response.status() == 416 && ranges_) {
    ranges_ = false;
    response.discard();
    return this->request(blob_.size);
  }
  if (response.status() != 200 && response.status() != 206) {
    throw to_pull_error(response, Session::label(request), repository_, blob_.digest);
  }
  return response;
}

std::uint64_t BlobFetch::surplus(const Response& response) const {
  if (at_ == 0 && response.status() == 200) return 0;
  if (response.status() == 200) return at_;
  const std::string expected = "bytes " + std::to_string(at_) + "-";
  const std::string range = response.header("Content-Range");
  const auto slash = range.find('/');
  const std::string total = slash == std::string::npos ? "" : range.substr(slash + 1);
  if (!range.starts_with(expected) || (total != "*" && total != std::to_string(blob_.size))) {
    throw Error{Errc::io, label() + ": the registry resumed with \"" + range + "\" instead of \"" + expected + "\""};
  }
  return 0;
}

void BlobFetch::copy(Response& response, std::uint64_t skip, gantry::ByteSink& sink) {
  std::vector<std::byte> buffer(kBuffer);
  const Clock::time_point start = Clock::now();
  Clock::duration waited{};
  for (;;) {
    const Clock::time_point asked = Clock::now();
    const std::size_t got = response.read(buffer);
    waited += Clock::now() - asked;
    if (got == 0) break;
    const std::size_t dropped = std::min<std::uint64_t>(skip, got);
    skip -= dropped;
    const auto fresh = std::span{buffer}.first(got).subspan(dropped);
    if (fresh.empty()) continue;
    if (at_ + fresh.size() > blob_.size) {
      throw Error{Errc::invalid, "blob " + blob_.digest + " is larger than the " + std::to_string(blob_.size) +
                                     " bytes that its manifest names"};
    }
    sink.write(fresh);
    at_ += fresh.size();
  }
  // Several connections help only where this one is what is waited for.
  const Clock::duration took = Clock::now() - start;
  const bool slow = spare_.patience.count() == 0 || (took >= spare_.patience && waited * 2 > took);
  speed_ = slow ? Speed::slow : Speed::enough;
}

void BlobFetch::fetch_in_chunks(gantry::ByteSink& sink) {
  if (spare_.per_blob < 2 || !ranges_ || blob_.size - at_ < kLarge) return;
  const ChunkPlaces::Taken taken = spare_.places.take(spare_.per_blob);
  if (taken.count() == 0) return;
  std::unique_ptr<ChunkedFetch> chunks;
  for (;;) {
    std::span<const std::byte> piece;
    try {
      if (!chunks) chunks = std::make_unique<ChunkedFetch>(session_, repository_, blob_, at_, taken.count());
      piece = chunks->next();
    } catch (const std::exception& error) {
      session_.call().check();
      // Whatever it was, one connection may do; if not, that says why.
      session_.call().log(gantry::LogLevel::info, "fetching the rest of " + blob_.digest + " from byte " +
                                                      std::to_string(at_) + " on by one connection: " + error.what());
      spare_.per_blob = 0;
      return;
    }
    if (piece.empty()) return;
    sink.write(piece);
    at_ += piece.size();
  }
}

void BlobFetch::run(gantry::ByteSink& sink) {
  for (int attempt = 0; at_ < blob_.size || blob_.size == 0;) {
    if (speed_ == Speed::slow) fetch_in_chunks(sink);
    if (at_ == blob_.size && blob_.size > 0) return;
    const std::uint64_t before = at_;
    const std::uint64_t end = end_of_part();
    std::string why = "unexpected EOF";
    Response response = request(end);
    try {
      copy(response, surplus(response), sink);
      if (at_ == blob_.size) return;
      if (at_ >= end) {
        attempt = 0;
        continue;
      }
    } catch (const TransportError& error) {
      why = error.what();
    }
    attempt = at_ > before ? 0 : attempt + 1;
    if (attempt == kAttempts) throw Error{Errc::io, label() + ": " + why};
    session_.call().log(gantry::LogLevel::info,
                        "resuming " + blob_.digest + " at byte " + std::to_string(at_) + ": " + why);
    pause(backoff(attempt, ""), session_.call());
  }
}

}  // namespace hub
