#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gantry/stream.hpp"
#include "gantry/tar_end.hpp"

struct archive;
struct archive_entry;

namespace gantry::layer_archive {

/// libarchive's reader over a ByteSource: plain tar of any dialect, nothing else.
class ArchiveReader {
 public:
  explicit ArchiveReader(ByteSource& source);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  /// The next entry, valid until the next call; null at the end. Errors: invalid, and the source's own.
  archive_entry* next();

  /// A piece of the entry's content: points into the reader's buffer until the next call.
  struct Block {
    std::span<const std::byte> bytes;
    std::int64_t offset{};
  };
  /// False at the entry's end.
  bool next_block(Block& out);

  /// Whether the last error was the source's own.
  [[nodiscard]] bool source_failed() const noexcept { return source_failure_ != nullptr; }

  /// Reads what follows the archive, so that the source's digest sees all of it.
  void drain();

 private:
  static long fill(archive* reader, void* self, const void** buffer);
  long fill_buffer(const void** buffer);
  [[noreturn]] void fail();

  struct Free {
    void operator()(archive* reader) const noexcept;
  };
  ByteSource& source_;
  std::vector<std::byte> buffer_;
  TarEnd end_;
  std::exception_ptr source_failure_;
  bool source_ended_ = false;
  std::unique_ptr<archive, Free> reader_;
};

/// Throws what is wrong with an archive of which `size` bytes were read: libarchive's reason, or for what is no archive
/// at all the words of Docker, which are those of Go's reader. Errors: invalid.
[[noreturn]] void refuse_archive(const char* reason, std::uint64_t size);

/// Names in a tar are UTF-8 or plain bytes, whatever the daemon's locale is: libarchive asks the thread's one.
class Utf8Locale {
 public:
  Utf8Locale();
  ~Utf8Locale();
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  void* mine_;
  void* before_;
};

}  // namespace gantry::layer_archive
