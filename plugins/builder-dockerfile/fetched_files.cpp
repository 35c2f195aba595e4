#include "fetched_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "gantry/error.hpp"
#include "layer_archive/system_error.hpp"
#include "sha256.hpp"

namespace gantry::dockerfile {
namespace {

void check_checksum_form(const std::string& checksum) {
  constexpr std::size_t kHexDigits = 64;
  const std::size_t colon = checksum.find(':');
  const std::string hex = colon == std::string::npos ? std::string{} : checksum.substr(colon + 1);
  if (colon == std::string::npos || colon == 0 || hex.empty()) {
    throw Error{Errc::invalid, "invalid checksum digest format"};
  }
  if (checksum.substr(0, colon) != "sha256") throw Error{Errc::invalid, "unsupported digest algorithm"};
  if (hex.size() != kHexDigits) throw Error{Errc::invalid, "invalid checksum digest length"};
  if (hex.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw Error{Errc::invalid, "invalid checksum digest format"};
  }
}

}  // namespace

std::string digest_of(int file, const Call& call) {
  Sha256 hash;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  off_t at = 0;
  for (;;) {
    call.check();
    const ssize_t got = ::pread(file, buffer.data(), buffer.size(), at);
    if (got < 0) layer_archive::throw_errno("cannot read what was fetched");
    if (got == 0) return "sha256:" + hash.hex();
    hash.update(std::span{buffer}.first(static_cast<std::size_t>(got)));
    at += got;
  }
}

FetchedFiles::FetchedFiles(const WorkDirectory& work)
    : directory_(work.path()), root_(open_directory(directory_.path())), tree_(std::make_unique<Tree>(root_.get())) {}

ContentHash& FetchedFiles::hash(const Call& call) {
  if (!hash_) hash_ = std::make_unique<TreeHash>(*tree_, call);
  return *hash_;
}

std::string FetchedFiles::digest(const std::string& name, const Call& call) const {
  const UniqueFd file{::openat(root_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!file) layer_archive::throw_errno("cannot read what was fetched");
  return digest_of(file.get(), call);
}

std::string FetchedFiles::take(const std::string& address, const std::string& checksum, const Fetcher& fetcher,
                               const Call& call) {
  if (!checksum.empty()) check_checksum_form(checksum);
  const UniqueFd file{::openat(root_.get(), kUnnamedFile, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file) layer_archive::throw_errno("cannot keep what is fetched");
  const Download download = fetcher.file(address, file.get(), call);
  if (!checksum.empty()) {
    const std::string digest = digest_of(file.get(), call);
    if (digest != checksum) throw Error{Errc::invalid, "digest mismatch " + digest + ": " + checksum};
  }
  if (download.name.empty()) return {};
  if (::renameat(root_.get(), kUnnamedFile, root_.get(), download.name.c_str()) != 0) {
    layer_archive::throw_errno("cannot name what was fetched");
  }
  return download.name;
}

}  // namespace gantry::dockerfile
