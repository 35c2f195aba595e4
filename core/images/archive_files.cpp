#include "images/archive_files.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "gantry/error.hpp"
#include "gantry/tar_end.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kMaxEntries = 65536;
constexpr std::size_t kBuffer = std::size_t{256} << 10;
/// Manifests and configs are smaller, and are wanted in any case.
constexpr std::uint64_t kLarge = std::uint64_t{1} << 20;
constexpr std::uint64_t kBlock = 512;

/// Without "./", ".." and doubled slashes.
std::string clean(std::string_view path) {
  std::string text = std::filesystem::path{path}.lexically_normal().generic_string();
  while (text.starts_with("/") || text.starts_with("../")) text.erase(0, text.find('/') + 1);
  return text;
}

}  // namespace

void refuse_archive(const std::string& why) { throw Error{Errc::invalid, "invalid image archive: " + why}; }

/// libarchive's reader: over a stream, or over a file, of which it then reads what it must.
class ArchiveFiles::Reader {
 public:
  Reader(const ArchiveFiles& files, ByteSource& stream) : files_(files), stream_(&stream) { open(); }
  Reader(const ArchiveFiles& files, FileRange file) : files_(files), file_(std::in_place, file), file_size_(file.size) {
    archive_read_set_skip_callback(handle_.get(), skip);
    open();
  }

  /// Null at the end.
  archive_entry* next() {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(handle_.get(), &entry);
    if (result == ARCHIVE_EOF) {
      if (!end_.is_whole()) refuse_archive("Truncated input file");
      return nullptr;
    }
    check(result);
    if (stream_ != nullptr) {
      end_.saw_entry(archive_filter_bytes(handle_.get(), 0), archive_entry_size(entry),
                     archive_entry_sparse_count(entry) > 0);
    }
    return entry;
  }

  /// Where the entry's content is in the file; 0: it must be read now.
  std::uint64_t position(archive_entry* entry) {
    if (stream_ != nullptr || archive_filter_code(handle_.get(), 0) != ARCHIVE_FILTER_NONE) return 0;
    const auto at = static_cast<std::uint64_t>(archive_filter_bytes(handle_.get(), 0));
    const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
    if (archive_entry_sparse_count(entry) > 0 || size < kLarge) return 0;
    if (size > file_size_ || at > file_size_ - size) refuse_archive("Truncated input file");
    return at;
  }

  void copy(ByteSink& sink) {
    for (;;) {
      files_.check();  // Holes come without `fill`.
      const la_ssize_t got = archive_read_data(handle_.get(), data_.data(), data_.size());
      if (got < 0) check(ARCHIVE_FATAL);
      if (got == 0) return;
      sink.write(std::span{data_}.first(static_cast<std::size_t>(got)));
    }
  }

 private:
  struct Free {
    void operator()(archive* handle) const noexcept { archive_read_free(handle); }
  };

  void open() {
    // What dockerd takes, but for gzip and zstd, which never come here. Others libarchive would leave to programs.
    archive_read_support_filter_bzip2(handle_.get());
    archive_read_support_filter_xz(handle_.get());
    archive_read_support_format_tar(handle_.get());
    archive_read_support_format_empty(handle_.get());
    check(archive_read_open(handle_.get(), this, nullptr, fill, nullptr));
  }

  /// libarchive is C: an exception waits until it has returned.
  static la_ssize_t fill(archive* handle, void* self, const void** out) {
    auto& mine = *static_cast<Reader*>(self);
    try {
      mine.files_.check();
      *out = mine.buffer_.data();
      return static_cast<la_ssize_t>(mine.stream_ == nullptr ? mine.read_file() : mine.read_stream());
    } catch (const std::exception& error) {
      mine.error_ = std::current_exception();
      archive_set_error(handle, EIO, "%s", error.what());
      return -1;
    }
  }

  std::size_t read_stream() { return end_.fill(buffer_, stream_->read(buffer_)); }

  std::size_t read_file() {
    const std::size_t got = file_->read(buffer_);
    at_ += got;
    if (got > 0 || at_ % kBlock == 0 || archive_filter_code(handle_.get(), 0) != ARCHIVE_FILTER_NONE) return got;
    // The last block is there in part.
    const auto padding = static_cast<std::size_t>(kBlock - at_ % kBlock);
    at_ += padding;
    std::fill_n(buffer_.begin(), padding, std::byte{});
    return padding;
  }

  static la_int64_t skip(archive* /*handle*/, void* self, la_int64_t count) {
    auto& mine = *static_cast<Reader*>(self);
    if (mine.at_ >= mine.file_size_) return 0;
    const std::uint64_t skipped =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(count), mine.file_size_ - mine.at_);
    mine.at_ += skipped;
    mine.file_->seek(mine.at_);
    return static_cast<la_int64_t>(skipped);
  }

  void check(int result) {
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
    if (error_) std::rethrow_exception(error_);
    const char* why = archive_error_string(handle_.get());
    // As Go's reader tells of what is no archive.
    if (why != nullptr && why == std::string_view{"Unrecognized archive format"}) {
      const bool is_short = (stream_ == nullptr ? file_size_ : end_.size()) < kBlock;
      throw Error{Errc::invalid, is_short ? "unexpected EOF" : "archive/tar: invalid tar header"};
    }
    refuse_archive(why == nullptr ? "it cannot be read" : why);
  }

  const ArchiveFiles& files_;
  ByteSource* stream_{};
  std::optional<RangeSource> file_;
  std::uint64_t file_size_{};
  std::uint64_t at_{};
  TarEnd end_;  // of a stream
  std::exception_ptr error_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kBuffer);
  std::vector<std::byte> data_ = std::vector<std::byte>(kBuffer);
  std::unique_ptr<archive, Free> handle_{archive_read_new()};
};

void ArchiveFiles::check() const {
  if (cancel_ != nullptr && cancel_->cancelled()) throw Error{Errc::cancelled, "context canceled"};
}

void ArchiveFiles::take_entries(Reader& reader) {
  for (std::size_t entries = 0; archive_entry* entry = reader.next();) {
    // Not the names: the same one may come again and again.
    if (++entries > kMaxEntries) refuse_archive("it has too many files");
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) refuse_archive("a name cannot be read");
    const std::string path = clean(name);
    if (const char* target = archive_entry_hardlink(entry)) {
      links_[path] = clean(target);
    } else if (archive_entry_filetype(entry) == AE_IFLNK) {
      const char* symlink = archive_entry_symlink(entry);
      if (symlink != nullptr) links_[path] = clean((std::filesystem::path{path}.parent_path() / symlink).string());
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      if (const std::uint64_t offset = reader.position(entry); offset > 0) {
        files_[path] = {"", static_cast<std::uint64_t>(archive_entry_size(entry)), offset};
        continue;
      }
      BlobStore::Writer writer{*blobs_};
      reader.copy(writer);
      const std::uint64_t size = writer.size();
      const File& file = files_[path] = {writer.commit(), size, 0};
      if (stored_) stored_(file);
    }
  }
}

void ArchiveFiles::read(ByteSource& source) {
  {
    const auto plain = decompress(source);
    Reader reader{*this, *plain};
    take_entries(reader);
  }
  // The client may still be sending padding.
  std::array<std::byte, 4096> rest;
  while (source.read(rest) > 0) check();
}

void ArchiveFiles::read(std::shared_ptr<const UniqueFd> file) {
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) throw_errno("cannot stat the archive");
  archive_ = std::move(file);
  const FileRange whole{archive_, 0, static_cast<std::uint64_t>(status.st_size)};
  if (compression({"", whole.size, 0}) != Compression::none) {
    RangeSource source{whole};
    return read(source);
  }
  Reader reader{*this, whole};
  take_entries(reader);
}

ArchiveFiles::File* ArchiveFiles::find(const std::string& path) {
  std::string current = clean(path);
  for (int hops = 0; hops < 8; ++hops) {
    if (const auto file = files_.find(current); file != files_.end()) return &file->second;
    const auto link = links_.find(current);
    if (link == links_.end()) return nullptr;
    current = link->second;
  }
  return nullptr;
}

ArchiveFiles::File& ArchiveFiles::need(const std::string& path) {
  File* const file = find(path);
  if (file == nullptr) refuse_archive("it has no file " + path);
  return *file;
}

std::string ArchiveFiles::content(File& file, std::size_t limit) {
  // Before it is copied: what a file says of itself costs its lender nothing.
  if (file.size > limit) refuse_archive("a manifest or config is larger than " + std::to_string(limit) + " bytes");
  return blobs_->read(digest(file), limit);
}

const std::string& ArchiveFiles::digest(File& file) {
  if (!file.digest.empty()) return file.digest;
  RangeSource source{range(file)};
  BlobStore::Writer writer{*blobs_};
  std::vector<std::byte> buffer(kBuffer);
  while (const std::size_t got = source.read(buffer)) {
    check();
    writer.write(std::span{buffer}.first(got));
  }
  return file.digest = writer.commit();
}

Compression ArchiveFiles::compression(const File& file) const {
  std::array<std::byte, 4> start{};
  std::size_t got = 0;
  if (file.digest.empty()) {
    got = RangeSource{range(file)}.read(start);
  } else {
    got = FileSource{blobs_->open(file.digest)}.read(start);
  }
  return detect_compression(std::span{start}.first(got));
}

}  // namespace gantry::images
