#include "driver.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gantry/error.hpp"
#include "layout.hpp"

namespace oci_layout {

using gantry::Call;
using gantry::Errc;
using gantry::Error;
using gantry::UniqueFd;
using gantry::registry::v1::Credentials;
using gantry::registry::v1::Descriptor;
using gantry::registry::v1::Manifest;
using gantry::registry::v1::Repository;
using gantry::registry::v1::SearchResult;

void Driver::capabilities(gantry::Capabilities& out) const { out = {"push", "tags", "transport:oci"}; }

void Driver::options(std::vector<gantry::OptionInfo>& /*out*/) const {}

void Driver::open(gantry::Host& /*host*/) {}

void Driver::get_manifest(const Repository& repository, const std::string& reference,
                          const Credentials& /*credentials*/, Manifest& out, const Call& /*call*/) {
  Layout{repository.path}.get_manifest(reference, out);
}

void Driver::get_blob(const Repository& repository, const Descriptor& blob, std::uint64_t offset,
                      const Credentials& /*credentials*/, gantry::ByteSink& sink, const Call& call) {
  const UniqueFd fd = Layout{repository.path}.open_blob(blob.digest, blob.size);
  if (!fd) throw Error{Errc::not_found, "oci:" + repository.path + ": blob " + blob.digest + " unknown"};
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  for (std::uint64_t at = offset;;) {
    call.check();
    const ssize_t count = ::pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error{Errc::io, "read " + blob.digest + ": " + std::strerror(errno)};
    if (count == 0) return;
    sink.write(std::span{buffer}.first(static_cast<std::size_t>(count)));
    at += static_cast<std::uint64_t>(count);
  }
}

bool Driver::has_blob(const Repository& repository, const Descriptor& blob, const Credentials& /*credentials*/,
                      const Call& /*call*/) {
  return static_cast<bool>(Layout{repository.path}.open_blob(blob.digest, blob.size));
}

bool Driver::put_blob(const Repository& repository, const Descriptor& blob,
                      const std::vector<std::string>& /*mount_from*/, const Credentials& /*credentials*/,
                      gantry::ByteSource& source, const Call& call) {
  Layout{repository.path}.put_blob(blob, source, call);
  return true;
}

void Driver::put_manifest(const Repository& repository, const std::string& reference, const Manifest& manifest,
                          const Credentials& /*credentials*/, const Call& /*call*/) {
  Layout{repository.path}.put_manifest(reference, manifest);
}

void Driver::list_tags(const Repository& repository, const Credentials& /*credentials*/, std::vector<std::string>& out,
                       const Call& /*call*/) {
  out = Layout{repository.path}.tags();
}

void Driver::login(const std::string& /*host*/, const Credentials& /*credentials*/, std::string& /*identity_token*/,
                   const Call& /*call*/) {
  throw Error{Errc::unsupported, "an OCI layout has no accounts"};
}

void Driver::search(const std::string& /*host*/, const std::string& /*term*/, int /*limit*/,
                    const Credentials& /*credentials*/, std::vector<SearchResult>& /*out*/, const Call& /*call*/) {
  throw Error{Errc::unsupported, "an OCI layout cannot be searched"};
}

}  // namespace oci_layout
