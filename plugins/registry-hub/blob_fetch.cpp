#include "blob_fetch.hpp"

#include <algorithm>

#include "registry_error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

constexpr int kAttempts = 5;
constexpr std::size_t kBuffer = std::size_t{128} << 10;

}  // namespace

std::string BlobFetch::label() const {
  Request request;
  request.url = session_.url(repository_.path + "/blobs/" + blob_.digest);
  return Session::label(request);
}

Response BlobFetch::request() {
  Request request;
  request.url = session_.url(repository_.path + "/blobs/" + blob_.digest);
  // Compression on the way would hide the blob's own bytes.
  request.headers.emplace_back("Accept-Encoding", "identity");
  if (at_ > 0) request.headers.emplace_back("Range", "bytes=" + std::to_string(at_) + "-");
  Response response = session_.send(request);
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
  while (const std::size_t got = response.read(buffer)) {
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
}

void BlobFetch::run(gantry::ByteSink& sink) {
  for (int attempt = 0; at_ < blob_.size || blob_.size == 0;) {
    const std::uint64_t before = at_;
    std::string why = "unexpected EOF";
    Response response = request();
    try {
      copy(response, surplus(response), sink);
      if (at_ == blob_.size) return;
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
