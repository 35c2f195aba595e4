#include "archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <map>
#include <vector>

#include "gantry/error.hpp"
#include "gantry/tar_end.hpp"
#include "gantry/unique_fd.hpp"
#include "layer_archive/archive_reader.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/parent_directories.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::dockerfile {

using layer_archive::throw_errno;

namespace {

struct FreeReader {
  void operator()(archive* reader) const noexcept { ::archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeReader>;

Reader make_reader() {
  Reader reader{::archive_read_new()};
  if (!reader) throw Error{Errc::exhausted, "no memory for an archive reader"};
  ::archive_read_support_filter_gzip(reader.get());
  ::archive_read_support_filter_bzip2(reader.get());
  ::archive_read_support_filter_xz(reader.get());
  ::archive_read_support_filter_zstd(reader.get());
  ::archive_read_support_format_tar(reader.get());
  ::archive_read_support_format_empty(reader.get());
  return reader;
}

/// Reads at a place of its own, so that the descriptor's stays.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(int file) : file_(file) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const ssize_t got = ::pread(file_, buffer.data(), buffer.size(), at_);
    if (got < 0) throw_errno("cannot read an archive");
    at_ += got;
    return static_cast<std::size_t>(got);
  }

 private:
  int file_;
  off_t at_ = 0;
};

/// Of all files with holes: a few bytes say that a hole is as large as they like, and it is read like all else.
constexpr std::uint64_t kMostSparse = std::uint64_t{64} << 30;

/// Feeds libarchive; what the source throws waits here until libarchive has returned.
struct Feed {
  explicit Feed(ByteSource& from) : source(from), buffer(std::size_t{256} << 10) {}
  ByteSource& source;
  std::vector<std::byte> buffer;
  TarEnd end;
  std::uint64_t sparse = 0;
  std::exception_ptr failure;

  void saw(archive* reader, archive_entry* entry) {
    const bool has_holes = ::archive_entry_sparse_count(entry) > 0;
    end.saw_entry(::archive_filter_bytes(reader, 0), ::archive_entry_size(entry), has_holes);
    if (!has_holes) return;
    sparse += static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0));
    if (sparse > kMostSparse) throw Error{Errc::invalid, "the archive has more than 64 GiB of files with holes"};
  }
  void check_end() const {
    if (!end.is_whole()) layer_archive::refuse_archive("Truncated input file", end.size());
  }

  static la_ssize_t fill(archive* reader, void* self, const void** out) {
    auto& feed = *static_cast<Feed*>(self);
    try {
      *out = feed.buffer.data();
      return static_cast<la_ssize_t>(feed.end.fill(feed.buffer, feed.source.read(feed.buffer)));
    } catch (...) {
      feed.failure = std::current_exception();
      ::archive_set_error(reader, EIO, "the source failed");
      return -1;
    }
  }
};

struct Attributes {
  uid_t uid{};
  gid_t gid{};
  mode_t mode{};
  timespec modified{};
};

class Unpacking {
 public:
  Unpacking(ByteSource& source, int root, const Call& call, std::optional<std::uint64_t> limit)
      : feed_(source), reader_(make_reader()), parents_(root), call_(call), left_(limit) {}

  void run() {
    if (::archive_read_open(reader_.get(), &feed_, nullptr, &Feed::fill, nullptr) != ARCHIVE_OK) fail();
    for (;;) {
      call_.check();
      archive_entry* entry = nullptr;
      const int outcome = ::archive_read_next_header(reader_.get(), &entry);
      if (outcome == ARCHIVE_EOF) break;
      if (outcome == ARCHIVE_RETRY) continue;
      if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN) fail();
      feed_.saw(reader_.get(), entry);
      take(entry);
    }
    feed_.check_end();
    // Only now: whatever goes into a directory changes its time. A link on the way is the archive's, so the parent is
    // looked up in the root again.
    for (const auto& [path, modified] : directories_) {
      const std::size_t slash = path.rfind('/');
      const int parent = parents_.open(slash == std::string::npos ? "" : std::string_view{path}.substr(0, slash));
      const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
      const timespec times[2] = {modified, modified};
      if (parent >= 0) ::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
    }
  }

 private:
  [[noreturn]] void fail() {
    if (feed_.failure) std::rethrow_exception(feed_.failure);
    const char* why = ::archive_error_string(reader_.get());
    layer_archive::refuse_archive(why, feed_.end.size());
  }

  /// An entry without content takes something too.
  void count(archive_entry* entry) {
    constexpr std::uint64_t kEntry = 512;
    if (!left_) return;
    const auto size = kEntry + static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0));
    if (size > *left_)
      throw Error{Errc::invalid, "the archive unpacks to more than is allowed (option download-limit)"};
    *left_ -= size;
  }

  void take(archive_entry* entry) {
    count(entry);
    const char* raw = ::archive_entry_pathname(entry);
    if (raw == nullptr) throw Error{Errc::invalid, "an entry of the archive has no name"};
    const std::string path = layer_archive::clean_path(raw);
    if (path.empty()) return;
    const std::size_t slash = path.rfind('/');
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    const int parent = parents_.open_or_make(slash == std::string::npos ? "" : path.substr(0, slash));
    if (const char* target = ::archive_entry_hardlink(entry); target != nullptr) {
      hard_link(parent, name, path, target);
      return;
    }
    make(entry, parent, name, path);
  }

  void make(archive_entry* entry, int parent, const std::string& name, const std::string& path) {
    Attributes attributes;
    attributes.uid = static_cast<uid_t>(::archive_entry_uid(entry));
    attributes.gid = static_cast<gid_t>(::archive_entry_gid(entry));
    attributes.mode = ::archive_entry_perm(entry) & 07777;
    attributes.modified = {::archive_entry_mtime(entry), ::archive_entry_mtime_nsec(entry)};
    const mode_t type = ::archive_entry_filetype(entry);
    if (type == AE_IFDIR) {
      make_directory(parent, name, path);
      directories_[path] = attributes.modified;
    } else {
      clear(parent, name);
      if (type == AE_IFREG) {
        regular_file(parent, name, path);
      } else if (type == AE_IFLNK) {
        const char* target = ::archive_entry_symlink(entry);
        check(::symlinkat(target == nullptr ? "" : target, parent, name.c_str()), path);
      } else {
        check(::mknodat(parent, name.c_str(), type | 0600, ::archive_entry_rdev(entry)), path);
      }
    }
    check(::fchownat(parent, name.c_str(), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW), path);
    if (type != AE_IFLNK) check(::fchmodat(parent, name.c_str(), attributes.mode, 0), path);
    const timespec times[2] = {attributes.modified, attributes.modified};
    ::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }

  static void check(int outcome, const std::string& path) {
    if (outcome < 0) throw_errno("cannot make " + layer_archive::quoted(path));
  }

  void clear(int parent, const std::string& name) {
    struct stat status {};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    layer_archive::remove_tree(parent, name);
    if (!S_ISREG(status.st_mode)) parents_.forget();
  }

  void make_directory(int parent, const std::string& name, const std::string& path) {
    struct stat status {};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(status.st_mode)) return;
      clear(parent, name);
    }
    check(::mkdirat(parent, name.c_str(), 0700), path);
  }

  void regular_file(int parent, const std::string& name, const std::string& path) {
    const UniqueFd file{::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    check(file.get(), path);
    const int outcome = ::archive_read_data_into_fd(reader_.get(), file.get());
    if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN) fail();
    call_.check();
  }

  void hard_link(int parent, const std::string& name, const std::string& path, const char* target) {
    const std::string from = layer_archive::clean_path(target);
    const std::size_t slash = from.rfind('/');
    const std::string from_name = slash == std::string::npos ? from : from.substr(slash + 1);
    // A descriptor of its own: opening the other directory may end the first one's life.
    const UniqueFd into{::fcntl(parent, F_DUPFD_CLOEXEC, 0)};
    const int directory = parents_.open(slash == std::string::npos ? "" : from.substr(0, slash));
    if (from == path) return;
    clear(into.get(), name);
    if (directory < 0 || ::linkat(directory, from_name.c_str(), into.get(), name.c_str(), 0) != 0) {
      throw Error{Errc::invalid, layer_archive::quoted(path) + " is a hard link to " + layer_archive::quoted(target) +
                                     ", which is not there"};
    }
  }

  const layer_archive::Utf8Locale locale_;
  Feed feed_;
  Reader reader_;
  layer_archive::ParentDirectories parents_;
  const Call& call_;
  std::optional<std::uint64_t> left_;
  std::map<std::string, timespec> directories_;
};

}  // namespace

bool is_archive(int file) {
  const layer_archive::Utf8Locale locale;
  FileSource source{file};
  Feed feed{source};
  const Reader reader = make_reader();
  archive_entry* entry = nullptr;
  if (::archive_read_open(reader.get(), &feed, nullptr, &Feed::fill, nullptr) != ARCHIVE_OK) return false;
  const int outcome = ::archive_read_next_header(reader.get(), &entry);
  return outcome == ARCHIVE_OK || outcome == ARCHIVE_WARN;
}

bool visit_archive(int file, const Call& call,
                   const std::function<bool(archive& reader, archive_entry& entry)>& visit) {
  const layer_archive::Utf8Locale locale;
  FileSource source{file};
  Feed feed{source};
  const Reader reader = make_reader();
  const auto fail = [&] {
    if (feed.failure) std::rethrow_exception(feed.failure);
    layer_archive::refuse_archive(::archive_error_string(reader.get()), feed.end.size());
  };
  if (::archive_read_open(reader.get(), &feed, nullptr, &Feed::fill, nullptr) != ARCHIVE_OK) fail();
  for (;;) {
    call.check();
    archive_entry* entry = nullptr;
    const int outcome = ::archive_read_next_header(reader.get(), &entry);
    if (outcome == ARCHIVE_EOF) break;
    if (outcome == ARCHIVE_RETRY) continue;
    if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN) fail();
    feed.saw(reader.get(), entry);
    if (!visit(*reader, *entry)) return false;
  }
  feed.check_end();
  return true;
}

void unpack_archive(ByteSource& source, int root, const Call& call, std::optional<std::uint64_t> limit) {
  Unpacking{source, root, call, limit}.run();
}

void unpack_archive(int file, int root, const Call& call, std::optional<std::uint64_t> limit) {
  FileSource source{file};
  unpack_archive(source, root, call, limit);
}

}  // namespace gantry::dockerfile
