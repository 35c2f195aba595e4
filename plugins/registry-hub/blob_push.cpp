#include "blob_push.hpp"

#include <algorithm>
#include <charconv>

#include "registry_error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

constexpr int kPushTries = 5;
/// A smaller blob goes in one request: to send it again costs less than to ask.
constexpr std::uint64_t kWorthResuming = std::uint64_t{4} << 20;

/// The registry, or what stands before it, may do better next time.
bool another_try_may_help(unsigned status) {
  return status == 408 || status == 416 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

/// "0-1023", also with "bytes=" before it: the bytes that have come. "0-0" is what registries say of none.
std::optional<std::uint64_t> end_of_range(std::string_view range) {
  if (range.starts_with("bytes=")) range.remove_prefix(6);
  if (!range.starts_with("0-")) return {};
  range.remove_prefix(2);
  std::uint64_t last = 0;
  const auto [rest, error] = std::from_chars(range.data(), range.data() + range.size(), last);
  if (error != std::errc{} || rest != range.data() + range.size()) return {};
  return last == 0 ? 0 : last + 1;
}

}  // namespace

bool has_blob(Session& session, const Repository& repository, const Descriptor& blob) {
  Request request;
  request.method = "HEAD";
  request.url = session.url(repository.path + "/blobs/" + blob.digest);
  Response response = session.send(request);
  if (response.status() == 404) return false;
  if (response.status() != 200) throw to_error(response, Session::label(request));
  return true;
}

void BlobPush::move_to(const Response& response, const Url& asked) {
  const std::string location = response.header("Location");
  if (location.empty())
    throw Error{Errc::io, "Post \"" + asked.str() + "\": the registry named no place for the upload"};
  location_ = asked.resolve(location);
}

bool BlobPush::begin(const std::vector<std::string>& mount_from) {
  Request start;
  start.method = "POST";
  const Url uploads = session_.url(repository_.path + "/blobs/uploads/");
  at_ = 0;
  for (std::size_t at = 0; at < mount_from.size(); ++at) {
    start.url = uploads.with_query("mount", blob_.digest).with_query("from", mount_from[at]);
    Response response = session_.send(start);
    if (response.status() == 201) {
      session_.call().progress({blob_.digest, "Mounted from " + mount_from[at], 0, 0});
      return true;
    }
    // It has not the blob there, or does not show it: this is the beginning of an upload.
    const bool begun = response.status() == 202;
    if (begun) move_to(response, start.url);
    response.discard();
    if (begun && at + 1 == mount_from.size()) return false;
    if (begun) give_up();
  }
  start.url = uploads;
  Response response = session_.send(start);
  if (response.status() != 202) throw to_error(response, Session::label(start));
  move_to(response, uploads);
  response.discard();
  return false;
}

void BlobPush::give_up() {
  Request request;
  request.method = "DELETE";
  request.url = location_;
  try {
    session_.send_upload(std::move(request)).discard();
  } catch (const TransportError&) {
    // The registry gets rid of what nobody goes on with.
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled) throw;
  }
}

void BlobPush::send_body(Request request, std::initializer_list<unsigned> expected) {
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  Response response = session_.send_upload(request);
  const unsigned status = response.status();
  if (std::find(expected.begin(), expected.end(), status) == expected.end()) {
    retry_after_ = response.header("Retry-After");
    const Error refusal = to_error(response, Session::label(request));
    // 404: the registry has lost the upload, or the order of its parts.
    if (seekable_ == nullptr || !(another_try_may_help(status) || status == 404)) throw refusal;
    throw TransportError{TransportError::Kind::broken, refusal.what()};
  }
  // Without a new place the upload goes on at the old one.
  if (request.method == "PATCH" && !response.header("Location").empty()) move_to(response, request.url);
  response.discard();
}

void BlobPush::send_rest() {
  Request last;
  last.method = "PUT";
  if ((blob_.size >= kWorthResuming || at_ > 0) && at_ < blob_.size) {
    Request part;
    part.method = "PATCH";
    part.url = location_;
    // From the start none, as Docker does it: some registries take a body with it for one of several.
    if (at_ > 0) {
      part.headers.emplace_back("Content-Range", std::to_string(at_) + "-" + std::to_string(blob_.size - 1));
    }
    part.source = &source_;
    part.source_size = blob_.size - at_;
    // 202 by the specification; others answer 201 (ECR) or 204 (pulp).
    send_body(part, {200, 201, 202, 204});
    at_ = blob_.size;
  } else if (at_ < blob_.size) {
    last.source = &source_;
    last.source_size = blob_.size - at_;
  }
  last.url = location_.with_query("digest", blob_.digest);
  send_body(last, {201, 204});
}

std::optional<std::uint64_t> BlobPush::ask_how_much_came() {
  Request request;
  request.url = location_;
  Response response = session_.send_upload(request);
  if (another_try_may_help(response.status())) {
    retry_after_ = response.header("Retry-After");
    throw TransportError{TransportError::Kind::broken, to_error(response, Session::label(request)).what()};
  }
  // It has forgotten the upload, or never tells.
  if (response.status() < 200 || response.status() > 204) return {};
  const auto came = end_of_range(response.header("Range"));
  if (!response.header("Location").empty()) move_to(response, request.url);
  response.discard();
  return came && *came <= blob_.size ? came : std::nullopt;
}

bool BlobPush::find_place_to_go_on() {
  // Perhaps nothing was lost but the answer to the last request.
  if (at_ == blob_.size && has_blob(session_, repository_, blob_)) return true;
  if (const auto came = ask_how_much_came()) {
    at_ = *came;
  } else {
    begin({});
  }
  seekable_->seek(at_);
  return false;
}

bool BlobPush::run(const std::vector<std::string>& mount_from) {
  if (begin(mount_from)) return false;
  bool placed = true;
  std::uint64_t furthest = 0;
  for (int attempt = 0;;) {
    std::string why;
    retry_after_.clear();
    try {
      if (!placed && find_place_to_go_on()) return true;
      placed = true;
      if (at_ > furthest) attempt = 0;
      furthest = std::max(furthest, at_);
      send_rest();
      return true;
    } catch (const TransportError& error) {
      why = error.what();
    } catch (const Error& error) {
      // A registry that is being started anew does not answer at once.
      if (placed || error.code() != Errc::io) throw;
      why = error.what();
    }
    placed = false;
    if (seekable_ == nullptr || ++attempt == kPushTries) throw Error{Errc::io, why};
    session_.call().log(gantry::LogLevel::info, "the upload of " + blob_.digest + " broke off: " + why);
    pause(backoff(attempt - 1, retry_after_), session_.call());
  }
}

}  // namespace hub
