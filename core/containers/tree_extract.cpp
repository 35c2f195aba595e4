#include "containers/tree_extract.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/file.hpp"
#include "base/filesystem_identity.hpp"
#include "base/root_path.hpp"
#include "containers/archive_locale.hpp"
#include "containers/mount_points.hpp"
#include "gantry/tar_end.hpp"

namespace gantry::containers {

namespace {

[[noreturn]] void fail_extraction(const std::string& message) { throw Error{Errc::io, message}; }

// As Go words an errno.
[[noreturn]] void fail_extraction_errno(const std::string& what) {
  std::string why = std::strerror(errno);
  why.front() = static_cast<char>(why.front() >= 'A' && why.front() <= 'Z' ? why.front() - 'A' + 'a' : why.front());
  if (errno == ENOSPC || errno == EDQUOT) throw Error{Errc::exhausted, what + ": " + why};
  fail_extraction(what + ": " + why);
}

struct FreeReader {
  void operator()(archive* it) const noexcept { archive_read_free(it); }
};

/// The archive, entry by entry.
class TreeReader {
 public:
  explicit TreeReader(ByteSource& source) : source_(source), tar_(archive_read_new()), buffer_(std::size_t{256} << 10) {
    archive_read_support_filter_gzip(tar_.get());
    archive_read_support_filter_bzip2(tar_.get());
    archive_read_support_filter_xz(tar_.get());
    archive_read_support_filter_zstd(tar_.get());
    archive_read_support_format_tar(tar_.get());
    archive_read_support_format_empty(tar_.get());
    check(archive_read_open(tar_.get(), this, nullptr, fill, nullptr));
  }

  archive_entry* next() {
    archive_entry* entry = nullptr;
    const int outcome = archive_read_next_header(tar_.get(), &entry);
    if (outcome == ARCHIVE_EOF) {
      if (!end_.is_whole()) fail_extraction("unexpected EOF");
      return nullptr;
    }
    check(outcome);
    end_.saw_entry(archive_filter_bytes(tar_.get(), 0), archive_entry_size(entry),
                   archive_entry_sparse_count(entry) > 0);
    return entry;
  }

  void copy_content(int file, const std::string& path) {
    const void* bytes = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int outcome = archive_read_data_block(tar_.get(), &bytes, &size, &offset);
      if (outcome == ARCHIVE_EOF) return;
      check(outcome);
      for (std::size_t done = 0; done < size;) {
        const ssize_t put =
            ::pwrite(file, static_cast<const char*>(bytes) + done, size - done, offset + static_cast<la_int64_t>(done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) fail_extraction_errno("write " + path);
        done += static_cast<std::size_t>(put);
      }
    }
  }

  /// To the end of the upload, so that its failure is not missed.
  void drain() {
    while (source_.read(buffer_) != 0) {
    }
  }

 private:
  static la_ssize_t fill(archive* tar, void* self, const void** out) {
    auto& mine = *static_cast<TreeReader*>(self);
    try {
      *out = mine.buffer_.data();
      return static_cast<la_ssize_t>(mine.end_.fill(mine.buffer_, mine.source_.read(mine.buffer_)));
    } catch (...) {
      mine.failure_ = std::current_exception();
      archive_set_error(tar, EIO, "the upload failed");
      return -1;
    }
  }

  void check(int outcome) {
    // A warning is about a name that is no UTF-8 (its bytes are kept) or an unknown pax key.
    if (outcome == ARCHIVE_OK || outcome == ARCHIVE_WARN) return;
    if (failure_) std::rethrow_exception(failure_);
    const char* why = archive_error_string(tar_.get());
    const std::string_view reason = why == nullptr ? "damaged" : why;
    // dockerd's words for what is no tar at all, and for one that is cut off, be it in its first header.
    constexpr std::uint64_t header = 512;
    const bool alien = reason.find("nrecognized") != std::string_view::npos;
    if (reason.find("runcated") != std::string_view::npos || (alien && end_.size() < header))
      fail_extraction("unexpected EOF");
    if (alien) fail_extraction("archive/tar: invalid tar header");
    fail_extraction("archive/tar: invalid tar header: " + std::string(reason));
  }

  ByteSource& source_;
  std::exception_ptr failure_;
  ArchiveLocale locale_;
  std::unique_ptr<archive, FreeReader> tar_;
  std::vector<std::byte> buffer_;
  TarEnd end_;
};

/// Where an entry goes: its name in a directory that is held open.
struct Spot {
  UniqueFd parent;
  std::string name;
  std::string path;  ///< In the container.
};

class Extraction {
 public:
  Extraction(int root, std::string destination, const ExtractOptions& options, TreeReader& reader)
      : root_(root), destination_(std::move(destination)), options_(options), reader_(reader) {}

  void write(archive_entry* entry) {
    const char* const raw = archive_entry_pathname(entry);
    if (raw == nullptr || *raw == '\0') fail_extraction("archive/tar: invalid tar header: an entry has no name");
    Spot spot = spot_of(raw);
    const auto type = archive_entry_filetype(entry);
    const char* const hard_link = archive_entry_hardlink(entry);
    const bool is_directory = type == AE_IFDIR && hard_link == nullptr;
    if (spot.path == destination_) {
      if (!is_directory) fail_extraction("cannot overwrite directory \"" + destination_ + "\" with non-directory");
      if (options_.whole) place_ = attributes_of(entry);
      return;  // else the place itself stays as it is
    }
    const bool there = make_room(spot, is_directory);
    if (hard_link != nullptr) return link(spot, hard_link);
    make(spot, entry, there);
    finish_entry(spot, entry);
  }

  /// Of the place itself, when all that is in it is there.
  void finish_place() {
    if (!place_) return;
    const UniqueFd place = open_in_root(root_, destination_, O_RDONLY | O_DIRECTORY);
    const std::array<timespec, 2> times{timespec{0, UTIME_NOW}, place_->modified};
    if (!place || ::fchown(place.get(), place_->owner.first, place_->owner.second) != 0 ||
        ::fchmod(place.get(), place_->mode) != 0 || ::futimens(place.get(), times.data()) != 0) {
      fail_extraction_errno("chmod " + destination_);
    }
  }

  /// After all that is in them.
  void set_directory_times() {
    for (const auto& [path, modified] : directories_) {
      const UniqueFd parent = open_in_root(root_, parent_of(path), O_PATH | O_DIRECTORY);
      const std::array<timespec, 2> times{timespec{0, UTIME_NOW}, modified};
      const std::string name = path.substr(path.rfind('/') + 1);
      if (parent) (void)::utimensat(parent.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
    }
  }

 private:
  struct Attributes {
    std::pair<uid_t, gid_t> owner;
    mode_t mode;
    timespec modified;
  };

  Attributes attributes_of(archive_entry* entry) const {
    const auto owner = options_.owner.value_or(
        std::pair{static_cast<uid_t>(archive_entry_uid(entry)), static_cast<gid_t>(archive_entry_gid(entry))});
    return {owner,
            archive_entry_perm(entry) & 07777U,
            {archive_entry_mtime(entry), std::clamp(archive_entry_mtime_nsec(entry), 0L, 999'999'999L)}};
  }

  static std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  [[nodiscard]] std::string inside(const std::string& name) const {
    return clean_path(destination_ + (destination_ == "/" ? "" : "/") + name);
  }
  // A prefix as text, as dockerd has it.
  [[nodiscard]] bool is_inside(const std::string& path) const {
    return destination_ == "/" || path == destination_ || path.starts_with(destination_ + "/");
  }

  Spot spot_of(const std::string& raw) {
    Spot spot;
    spot.path = inside(raw);
    if (!is_inside(spot.path))
      fail_extraction("\"" + clean_relative(raw) + "\" is outside of \"" + destination_ + "\"");
    if (spot.path == destination_) return spot;
    const std::string parent = parent_of(spot.path);
    spot.name = spot.path.substr(spot.path.rfind('/') + 1);
    spot.parent = open_in_root(root_, parent, O_PATH | O_DIRECTORY);
    if (!spot.parent && errno == ENOENT) spot.parent = make_in_root(root_, parent, true);
    if (!spot.parent) fail_extraction_errno("mkdir " + parent);
    return spot;
  }

  static std::string clean_relative(const std::string& name) {
    return name.front() == '/' ? clean_path(name) : clean_path("./" + name);
  }

  // Whether a directory stays where one is wanted; else what was there is gone.
  bool make_room(const Spot& spot, bool is_directory) {
    struct stat status {};
    if (::fstatat(spot.parent.get(), spot.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const bool was_directory = S_ISDIR(status.st_mode);
    if (options_.keep_kind && was_directory && !is_directory) {
      fail_extraction("cannot overwrite directory \"" + spot.path + "\" with non-directory \"" + destination_ + "\"");
    }
    if (options_.keep_kind && !was_directory && is_directory) {
      fail_extraction("cannot overwrite non-directory \"" + spot.path + "\" with directory \"" + destination_ + "\"");
    }
    if (was_directory && is_directory) return true;
    if (was_directory) {
      // Through the held parent: libstdc++ goes down from there by openat(2) and follows no link.
      std::error_code failed;
      std::filesystem::remove_all("/proc/self/fd/" + std::to_string(spot.parent.get()) + "/" + spot.name, failed);
      if (failed) fail_extraction("unlinkat " + spot.path + ": " + failed.message());
    } else if (::unlinkat(spot.parent.get(), spot.name.c_str(), 0) != 0 && errno != ENOENT) {
      fail_extraction_errno("unlinkat " + spot.path);
    }
    return false;
  }

  void link(const Spot& spot, const std::string& target) {
    const std::string from = inside(target);
    if (!is_inside(from)) fail_extraction("invalid hardlink \"" + from + "\" -> \"" + target + "\"");
    const UniqueFd parent = open_in_root(root_, parent_of(from), O_PATH | O_DIRECTORY);
    const std::string name = from.substr(from.rfind('/') + 1);
    if (!parent || ::linkat(parent.get(), name.c_str(), spot.parent.get(), spot.name.c_str(), 0) != 0) {
      fail_extraction_errno("link " + from + " " + spot.path);
    }
  }

  void make(const Spot& spot, archive_entry* entry, bool there) {
    const int parent = spot.parent.get();
    const char* const name = spot.name.c_str();
    const auto type = static_cast<mode_t>(archive_entry_filetype(entry));
    switch (type) {
      case AE_IFDIR:
        if (!there && ::mkdirat(parent, name, 0700) != 0) fail_extraction_errno("mkdir " + spot.path);
        return;
      case AE_IFREG: {
        const UniqueFd file{::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (!file) fail_extraction_errno("open " + spot.path);
        reader_.copy_content(file.get(), spot.path);
        const la_int64_t size = archive_entry_size(entry);  // a hole at the end
        if (size > 0 && ::ftruncate(file.get(), size) != 0) fail_extraction_errno("truncate " + spot.path);
        return;
      }
      case AE_IFLNK: {
        const char* const text = archive_entry_symlink(entry);
        const std::string target = text == nullptr ? "" : text;
        if (!is_inside(clean_path(parent_of(spot.path) + "/" + target))) {
          fail_extraction("invalid symlink \"" + spot.path + "\" -> \"" + target + "\"");
        }
        if (::symlinkat(target.c_str(), parent, name) != 0)
          fail_extraction_errno("symlink " + target + " " + spot.path);
        return;
      }
      case AE_IFCHR:
      case AE_IFBLK:
      case AE_IFIFO: {
        const dev_t device = makedev(static_cast<unsigned>(archive_entry_rdevmajor(entry)),
                                     static_cast<unsigned>(archive_entry_rdevminor(entry)));
        if (::mknodat(parent, name, type | 0600, type == AE_IFIFO ? 0 : device) != 0)
          fail_extraction_errno("mknod " + spot.path);
        return;
      }
      default:
        fail_extraction("unhandled tar header type of " + spot.path);
    }
  }

  // By a descriptor: it says where the ids are mapped, and a link cannot take its place.
  void chown_entry(const Spot& spot, const std::pair<uid_t, gid_t>& owner) const {
    const UniqueFd made{::openat(spot.parent.get(), spot.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!made) fail_extraction_errno("lchown " + spot.path);
    const auto [uid, gid] = options_.ids.to_host(made.get(), owner.first, owner.second);
    if (::fchownat(made.get(), "", uid, gid, AT_EMPTY_PATH) != 0) fail_extraction_errno("lchown " + spot.path);
  }

  void finish_entry(const Spot& spot, archive_entry* entry) {
    const int parent = spot.parent.get();
    const char* const name = spot.name.c_str();
    const auto type = archive_entry_filetype(entry);
    const auto [owner, mode, modified] = attributes_of(entry);
    chown_entry(spot, owner);
    if (type != AE_IFLNK) {
      // By a descriptor that is known to be of no link: fchmodat(2) would follow one that was put there just now.
      const UniqueFd made{::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
      struct stat status {};
      if (!made || ::fstat(made.get(), &status) != 0 || S_ISLNK(status.st_mode))
        fail_extraction_errno("chmod " + spot.path);
      const std::string path = "/proc/self/fd/" + std::to_string(made.get());
      if (::chmod(path.c_str(), mode) != 0) fail_extraction_errno("chmod " + spot.path);
      set_capability(path, entry, options_.ids.are_mapped(made.get()));
    }
    if (type == AE_IFDIR) {
      directories_[spot.path] = modified;
      return;
    }
    const std::array<timespec, 2> times{timespec{0, UTIME_NOW}, modified};
    if (::utimensat(parent, name, times.data(), AT_SYMLINK_NOFOLLOW) != 0)
      fail_extraction_errno("chtimes " + spot.path);
  }

  void set_capability(const std::string& path, archive_entry* entry, bool mapped) const {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    if (archive_entry_xattr_reset(entry) == 0) return;
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      const std::string_view known = name == nullptr ? "" : name;
      const bool acl = options_.whole && known.starts_with("system.posix_acl_");
      if (known != "security.capability" && !known.starts_with("user.") && !acl) continue;
      vfs_ns_cap_data owned{};
      if (mapped && known == "security.capability" && size == sizeof(vfs_cap_data)) {
        // They are the container's root's to give, not the host's.
        std::memcpy(&owned, value, size);
        owned.magic_etc = htole32((le32toh(owned.magic_etc) & VFS_CAP_FLAGS_MASK) | VFS_CAP_REVISION_3);
        owned.rootid = htole32(options_.ids.root().first);
        value = &owned;
        size = sizeof owned;
      }
      (void)::setxattr(path.c_str(), name, value, size, 0);  // as dockerd: a filesystem without them does without
    }
  }

  int root_;
  std::string destination_;
  const ExtractOptions& options_;
  TreeReader& reader_;
  std::map<std::string, timespec> directories_;
  std::optional<Attributes> place_;
};

}  // namespace

void extract_archive(int root, const std::string& path, const ExtractOptions& options, ByteSource& source) {
  TreeReader reader{source};
  std::optional<FilesystemIdentity> identity;
  if (options.ids.whole_tree()) identity.emplace(options.ids.root().first, options.ids.root().second);
  Extraction extraction{root, path, options, reader};
  while (archive_entry* entry = reader.next()) extraction.write(entry);
  extraction.set_directory_times();
  extraction.finish_place();
  reader.drain();
}

}  // namespace gantry::containers
