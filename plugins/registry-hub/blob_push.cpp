#include "blob_push.hpp"

#include "registry_error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

/// Where the upload goes on.
Url upload_location(const Response& response, const Url& asked) {
  const std::string location = response.header("Location");
  if (location.empty())
    throw Error{Errc::io, "Post \"" + asked.str() + "\": the registry named no place for the upload"};
  return asked.resolve(location);
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

bool put_blob(Session& session, const Repository& repository, const Descriptor& blob,
              const std::vector<std::string>& mount_from, gantry::ByteSource& source) {
  Request start;
  start.method = "POST";
  start.url = session.url(repository.path + "/blobs/uploads/");
  std::vector<Url> tries;
  for (const std::string& other : mount_from) {
    tries.push_back(start.url.with_query("mount", blob.digest).with_query("from", other));
  }
  tries.push_back(start.url);
  for (const Url& url : tries) {
    start.url = url;
    Response response = session.send(start);
    const bool mount = url.target.find("mount=") != std::string::npos;
    if (mount && response.status() == 201) return false;
    if (response.status() != 202) {
      if (mount) continue;
      throw to_error(response, Session::label(start));
    }
    Request upload;
    upload.method = "PUT";
    upload.url = upload_location(response, url).with_query("digest", blob.digest);
    response.discard();
    upload.headers.emplace_back("Content-Type", "application/octet-stream");
    upload.source = &source;
    upload.source_size = blob.size;
    Response done = session.send_upload(upload);
    if (done.status() != 201 && done.status() != 204) throw to_error(done, Session::label(upload));
    done.discard();
    return true;
  }
  return true;
}

}  // namespace hub
