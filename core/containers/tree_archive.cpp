#include "containers/tree_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "base/file.hpp"
#include "base/root_path.hpp"
#include "containers/archive_locale.hpp"
#include "containers/tree_path.hpp"

namespace gantry::containers {

namespace {

struct FreeWriter {
  void operator()(archive* it) const noexcept { archive_write_free(it); }
};
struct FreeEntry {
  void operator()(archive_entry* it) const noexcept { archive_entry_free(it); }
};
struct CloseDirectory {
  void operator()(DIR* it) const noexcept { ::closedir(it); }
};

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::vector<std::string> names_in(int fd, const std::string& path) {
  const int opened = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) throw_errno("cannot read " + path);
  const std::unique_ptr<DIR, CloseDirectory> directory{::fdopendir(opened)};
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A file's capabilities that are those of a user namespace (VFS_CAP_REVISION_3), as the container has them: of its
/// root.
ssize_t without_root(char* value, ssize_t size) {
  vfs_ns_cap_data data{};
  if (size != static_cast<ssize_t>(sizeof data)) return size;
  std::memcpy(&data, value, sizeof data);
  const std::uint32_t magic = le32toh(data.magic_etc);
  if ((magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3) return size;
  data.magic_etc = htole32((magic & ~std::uint32_t{VFS_CAP_REVISION_MASK}) | VFS_CAP_REVISION_2);
  std::memcpy(value, &data, sizeof(vfs_cap_data));
  return sizeof(vfs_cap_data);
}

std::vector<std::string> attribute_names(const std::string& path) {
  std::vector<char> names(XATTR_LIST_MAX);
  const ssize_t size = ::listxattr(path.c_str(), names.data(), names.size());
  std::vector<std::string> out;
  for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(out.back().size()) + 1)
    out.emplace_back(&names[static_cast<std::size_t>(at)]);
  return out;
}

/// One archive. The tree may be a running container's, which may change under the walk: a file is opened once (O_PATH)
/// and everything else goes through that descriptor.
class TreeWriter {
 public:
  TreeWriter(ByteSink& sink, const TreeIds& ids) : sink_(sink), ids_(ids), tar_(archive_write_new()) {
    archive_write_set_format_pax_restricted(tar_.get());
    archive_write_set_bytes_per_block(tar_.get(), 65536);
    archive_write_set_bytes_in_last_block(tar_.get(), 1);
    if (archive_write_open(tar_.get(), this, nullptr, put, nullptr) != ARCHIVE_OK) fail();
  }

  void stay_on_mount(std::uint64_t mount) { mount_ = mount; }
  void keep_all() { whole_ = true; }
  void leave_out(std::vector<std::string> names) { left_out_ = std::move(names); }

  /// What the descriptor (O_PATH) is of, as `name`; of a directory all that is in it.
  void add(int fd, const std::string& name) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw_errno("cannot stat " + name);
    ids_.to_container(fd, status);
    if (S_ISSOCK(status.st_mode)) return;
    if (S_ISDIR(status.st_mode)) {
      write_header(fd, name + "/", status);
      return add_content(fd, name);
    }
    if (!write_header(fd, name, status)) return;
    if (S_ISREG(status.st_mode) && status.st_size > 0) write_content(fd, name);
  }

  /// All that is in the directory; `prefix` is its name.
  void add_content(int fd, const std::string& prefix, bool is_root = false) {
    if (prefix.size() > PATH_MAX)
      throw Error{Errc::io, "cannot archive " + prefix.substr(0, 64) + "...: file name too long"};
    if (std::find(left_out_.begin(), left_out_.end(), prefix) != left_out_.end()) return;
    if (mount_ != 0 && mount_id_of(fd) != mount_) return;
    for (const std::string& name : names_in(fd, prefix)) {
      const UniqueFd child{::openat(fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
      // Removed since the directory was read.
      if (!child && errno == ENOENT) continue;
      if (!child) throw_errno("cannot open " + name);
      add(child.get(), is_root ? name : prefix + "/" + name);
    }
  }

  void finish() {
    if (archive_write_close(tar_.get()) != ARCHIVE_OK) fail();
  }

 private:
  static la_ssize_t put(archive* tar, void* self, const void* bytes, std::size_t size) {
    auto& mine = *static_cast<TreeWriter*>(self);
    try {
      mine.sink_.write({static_cast<const std::byte*>(bytes), size});
      return static_cast<la_ssize_t>(size);
    } catch (...) {
      mine.failure_ = std::current_exception();
      archive_set_error(tar, EIO, "the reader failed");
      return -1;
    }
  }

  [[noreturn]] void fail() {
    if (failure_) std::rethrow_exception(failure_);
    const char* why = archive_error_string(tar_.get());
    throw Error{Errc::io, std::string("cannot archive the container's files: ") + (why == nullptr ? "unknown" : why)};
  }

  // False if the content is not wanted: a hard link to what was written before.
  bool write_header(int fd, const std::string& name, const struct stat& status) {
    const std::unique_ptr<archive_entry, FreeEntry> entry{archive_entry_new()};
    archive_entry_copy_stat(entry.get(), &status);
    archive_entry_copy_pathname(entry.get(), name.c_str());
    bool first = true;
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
      const auto [known, is_new] = links_.try_emplace({status.st_dev, status.st_ino}, name);
      if (!is_new) archive_entry_copy_hardlink(entry.get(), known->second.c_str());
      first = is_new;
    }
    if (S_ISLNK(status.st_mode) && first) {
      std::array<char, PATH_MAX> target{};
      const ssize_t size = ::readlinkat(fd, "", target.data(), target.size() - 1);
      if (size < 0) throw_errno("cannot read the link " + name);
      archive_entry_copy_symlink(entry.get(), target.data());
    }
    if (!S_ISREG(status.st_mode) || !first) archive_entry_set_size(entry.get(), 0);
    if (S_ISREG(status.st_mode) && first) add_capability(fd, entry.get());
    if (whole_ && !S_ISLNK(status.st_mode) && first) add_attributes(fd, entry.get());
    if (whole_ && S_ISREG(status.st_mode) && first) add_holes(fd, entry.get(), status.st_size);
    if (archive_write_header(tar_.get(), entry.get()) < ARCHIVE_WARN) fail();
    return first;
  }

  void add_capability(int fd, archive_entry* entry) const {
    constexpr const char* name = "security.capability";
    std::array<char, 64> value{};
    ssize_t size = ::getxattr(proc_path(fd).c_str(), name, value.data(), value.size());
    if (size > 0 && ids_.are_mapped(fd)) size = without_root(value.data(), size);
    if (size > 0) archive_entry_xattr_add_entry(entry, name, value.data(), static_cast<std::size_t>(size));
  }

  static void add_attributes(int fd, archive_entry* entry) {
    for (const std::string& name : attribute_names(proc_path(fd))) {
      const bool kept = name.starts_with("user.") || name.starts_with("system.posix_acl_");
      if (!kept) continue;
      std::vector<char> value(XATTR_SIZE_MAX);
      const ssize_t size = ::getxattr(proc_path(fd).c_str(), name.c_str(), value.data(), value.size());
      if (size >= 0) archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), static_cast<std::size_t>(size));
    }
  }

  static void add_holes(int fd, archive_entry* entry, off_t size) {
    const UniqueFd file{::open(proc_path(fd).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!file || size == 0 || ::lseek(file.get(), 0, SEEK_HOLE) >= size) return;
    for (off_t at = 0; at < size;) {
      const off_t data = ::lseek(file.get(), at, SEEK_DATA);
      if (data < 0) break;  // a hole up to the end
      const off_t hole = ::lseek(file.get(), data, SEEK_HOLE);
      if (hole <= data) break;
      archive_entry_sparse_add_entry(entry, data, std::min(hole, size) - data);
      at = hole;
    }
    if (archive_entry_sparse_count(entry) == 0) archive_entry_sparse_add_entry(entry, size, 0);
  }

  // A file that shrinks meanwhile is filled up with zeros, one that grows is cut: by libarchive.
  void write_content(int fd, const std::string& name) {
    const UniqueFd file{::open(proc_path(fd).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!file) throw_errno("cannot open " + name);
    buffer_.resize(std::size_t{256} << 10);
    for (;;) {
      const ssize_t got = ::read(file.get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno("cannot read " + name);
      if (got == 0) return;
      const la_ssize_t taken = archive_write_data(tar_.get(), buffer_.data(), static_cast<std::size_t>(got));
      if (taken < 0) fail();
      if (taken < got) return;
    }
  }

  ByteSink& sink_;
  const TreeIds& ids_;
  std::exception_ptr failure_;
  std::unique_ptr<archive, FreeWriter> tar_;
  ArchiveLocale locale_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<std::string> left_out_;
  std::uint64_t mount_{};  ///< 0: go into mounts.
  bool whole_{};
  std::vector<char> buffer_;
};

}  // namespace

void archive_path_in(int root, const std::string& path, const TreeIds& ids, ByteSink& sink) {
  const UniqueFd file = open_in_root(root, path, O_PATH | O_NOFOLLOW);
  if (!file) throw_path_errno(path);
  TreeWriter writer{sink, ids};
  const std::string base = base_name(path);
  if (path == "/" || path == "/.") {
    const std::string prefix = path == "/" ? "" : ".";
    writer.leave_out({prefix + "/proc", prefix + "/sys", prefix + "/dev"});
    writer.add(file.get(), prefix);
  } else {
    writer.add(file.get(), base);
  }
  writer.finish();
}

void archive_whole(int root, ByteSink& sink) {
  const TreeIds ids;  // a volume's are the container's
  TreeWriter writer{sink, ids};
  writer.keep_all();
  writer.add(root, ".");
  writer.finish();
}

void export_tree(int root, const TreeIds& ids, ByteSink& sink) {
  TreeWriter writer{sink, ids};
  writer.stay_on_mount(mount_id_of(root));
  writer.add_content(root, "", true);
  writer.finish();
}

}  // namespace gantry::containers
