#include "layer_archive/layer_writer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "gantry/unique_fd.hpp"
#include "layer_archive/extended_attributes.hpp"
#include "layer_archive/system_error.hpp"
#include "layer_archive/unpack.hpp"

namespace gantry::layer_archive {
namespace {

constexpr std::size_t kBlockSize = std::size_t{1} << 18;

std::string read_link(int directory, const std::string& name) {
  std::string target(4096, '\0');
  const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  if (size < 0) throw_errno("cannot read link " + quoted(name));
  target.resize(static_cast<std::size_t>(size));
  return target;
}

}  // namespace

void LayerWriter::Free::operator()(archive* writer) const noexcept { ::archive_write_free(writer); }
void LayerWriter::FreeEntry::operator()(archive_entry* entry) const noexcept { ::archive_entry_free(entry); }

LayerWriter::LayerWriter(ByteSink& sink, const Call& call)
    : sink_(sink), call_(call), buffer_(kBlockSize), writer_(::archive_write_new()) {
  archive* const writer = writer_.get();
  if (writer == nullptr) throw Error{Errc::exhausted, "no memory for an archive writer"};
  ::archive_write_set_format_pax(writer);
  ::archive_write_set_format_option(writer, "pax", "xattrheader", "SCHILY");
  ::archive_write_set_bytes_per_block(writer, static_cast<int>(kBlockSize));
  ::archive_write_set_bytes_in_last_block(writer, 1);
  if (::archive_write_open(writer, this, nullptr, &LayerWriter::put, nullptr) != ARCHIVE_OK) fail();
}

// What libarchive still holds must not reach a sink that has failed, or whose owner has given up.
LayerWriter::~LayerWriter() { ::archive_write_fail(writer_.get()); }

long LayerWriter::put(archive* writer, void* self, const void* bytes, std::size_t size) {
  auto& mine = *static_cast<LayerWriter*>(self);
  try {
    mine.sink_.write({static_cast<const std::byte*>(bytes), size});
    return static_cast<long>(size);
  } catch (...) {
    mine.sink_failure_ = std::current_exception();
    ::archive_set_error(writer, EIO, "the sink failed");
    return -1;
  }
}

void LayerWriter::fail() {
  if (sink_failure_) std::rethrow_exception(sink_failure_);
  const char* const reason = ::archive_error_string(writer_.get());
  throw Error{Errc::io,
              std::string{"cannot write the layer's archive: "} + (reason != nullptr ? reason : "unknown error")};
}

void LayerWriter::header(archive_entry* entry) {
  call_.check();
  // A warning is about a name that is no UTF-8: it is written as it is.
  if (::archive_write_header(writer_.get(), entry) < ARCHIVE_WARN) fail();
}

void LayerWriter::entry(int directory, const std::string& name, const std::string& path, const struct stat& status) {
  if (S_ISSOCK(status.st_mode)) return;
  const Entry entry{::archive_entry_new()};
  const std::string shown = path.empty() ? "./" : S_ISDIR(status.st_mode) ? path + "/" : path;
  ::archive_entry_copy_pathname(entry.get(), shown.c_str());
  ::archive_entry_set_mode(entry.get(), status.st_mode);
  ::archive_entry_set_uid(entry.get(), status.st_uid);
  ::archive_entry_set_gid(entry.get(), status.st_gid);
  ::archive_entry_set_mtime(entry.get(), status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  attributes(entry.get(), "/proc/self/fd/" + std::to_string(directory) + "/" + name);
  if (S_ISREG(status.st_mode)) return regular_file(entry.get(), directory, name, path, status);
  if (S_ISLNK(status.st_mode)) ::archive_entry_copy_symlink(entry.get(), read_link(directory, name).c_str());
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    ::archive_entry_set_rdevmajor(entry.get(), major(status.st_rdev));
    ::archive_entry_set_rdevminor(entry.get(), minor(status.st_rdev));
  }
  header(entry.get());
}

void LayerWriter::attributes(archive_entry* entry, const std::string& path_in_proc) const {
  for (const auto& [name, value] : extended_attributes(path_in_proc)) {
    if (is_layer_attribute(name)) ::archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), value.size());
  }
}

void LayerWriter::regular_file(archive_entry* entry, int directory, const std::string& name, const std::string& path,
                               const struct stat& status) {
  if (status.st_nlink > 1) {
    const auto [first, is_new] = links_.try_emplace({status.st_dev, status.st_ino}, path);
    if (!is_new) {
      ::archive_entry_copy_hardlink(entry, first->second.c_str());
      ::archive_entry_set_size(entry, 0);
      return header(entry);
    }
  }
  const UniqueFd file = open_regular_in(directory, name);
  if (!file) throw_errno("cannot open " + quoted(path));
  ::archive_entry_set_size(entry, status.st_size);
  header(entry);
  content(file.get(), static_cast<std::uint64_t>(status.st_size));
}

// A file that shrinks meanwhile is filled up with zeros by libarchive; one that grows is cut.
void LayerWriter::content(int file, std::uint64_t size) {
  while (size > 0) {
    call_.check();
    const ssize_t got =
        ::read(file, buffer_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer_.size())));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read");
    if (got == 0) return;
    if (::archive_write_data(writer_.get(), buffer_.data(), static_cast<std::size_t>(got)) < 0) fail();
    size -= static_cast<std::uint64_t>(got);
  }
}

void LayerWriter::marker(const std::string& path) {
  const Entry entry{::archive_entry_new()};
  ::archive_entry_copy_pathname(entry.get(), path.c_str());
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), 0600);
  ::archive_entry_set_size(entry.get(), 0);
  ::archive_entry_set_mtime(entry.get(), 0, 0);
  header(entry.get());
}

void LayerWriter::whiteout(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;
  marker(path.substr(0, name) + std::string{kWhiteoutPrefix} + path.substr(name));
}

void LayerWriter::opaque(const std::string& path) {
  marker(path.empty() ? std::string{kOpaqueMarker} : path + "/" + std::string{kOpaqueMarker});
}

void LayerWriter::finish() {
  if (::archive_write_close(writer_.get()) != ARCHIVE_OK) fail();
}

}  // namespace gantry::layer_archive
