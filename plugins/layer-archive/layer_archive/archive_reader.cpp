#include "layer_archive/archive_reader.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <cerrno>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::layer_archive {
namespace {

// libarchive hands pieces of this buffer to write(2) without a copy; what a small source read gives is collected first.
constexpr std::size_t kBufferSize = std::size_t{1} << 19;
constexpr std::size_t kEnough = std::size_t{1} << 18;

}  // namespace

void refuse_archive(const char* reason, std::uint64_t size) {
  const std::string_view why = reason == nullptr ? "damaged" : reason;
  if (why != "Unrecognized archive format") throw Error{Errc::invalid, "not a valid tar archive: " + std::string{why}};
  constexpr std::uint64_t kHeader = 512;
  throw Error{Errc::invalid, size < kHeader ? "unexpected EOF" : "archive/tar: invalid tar header"};
}

void ArchiveReader::Free::operator()(archive* reader) const noexcept { ::archive_read_free(reader); }

ArchiveReader::ArchiveReader(ByteSource& source)
    : source_(source), buffer_(kBufferSize), reader_(::archive_read_new()) {
  if (!reader_) throw Error{Errc::exhausted, "no memory for an archive reader"};
  archive* const reader = reader_.get();
  ::archive_read_support_filter_none(reader);
  ::archive_read_support_format_tar(reader);
  ::archive_read_support_format_empty(reader);
  if (::archive_read_open(reader, this, nullptr, &ArchiveReader::fill, nullptr) != ARCHIVE_OK) fail();
}

ArchiveReader::~ArchiveReader() = default;

long ArchiveReader::fill(archive* reader, void* self, const void** buffer) {
  auto& mine = *static_cast<ArchiveReader*>(self);
  try {
    return mine.fill_buffer(buffer);
  } catch (...) {
    mine.source_failure_ = std::current_exception();
    ::archive_set_error(reader, EIO, "the source failed");
    return -1;
  }
}

long ArchiveReader::fill_buffer(const void** buffer) {
  std::size_t filled = 0;
  while (filled < kEnough && !source_ended_) {
    const std::size_t got = source_.read(std::span{buffer_}.subspan(filled));
    source_ended_ = got == 0;
    filled += got;
  }
  filled = end_.fill(buffer_, filled);
  *buffer = buffer_.data();
  return static_cast<long>(filled);
}

void ArchiveReader::fail() {
  if (source_failure_) std::rethrow_exception(source_failure_);
  refuse_archive(::archive_error_string(reader_.get()), end_.size());
}

archive_entry* ArchiveReader::next() {
  archive_entry* entry = nullptr;
  for (;;) {
    const int outcome = ::archive_read_next_header(reader_.get(), &entry);
    if (outcome == ARCHIVE_EOF) {
      if (!end_.is_whole()) refuse_archive("Truncated input file", end_.size());
      return nullptr;
    }
    // A warning is about a name that is no UTF-8 (its bytes are kept) or an unknown pax key.
    if (outcome == ARCHIVE_OK || outcome == ARCHIVE_WARN) {
      end_.saw_entry(::archive_filter_bytes(reader_.get(), 0), ::archive_entry_size(entry),
                     ::archive_entry_sparse_count(entry) > 0);
      return entry;
    }
    if (outcome != ARCHIVE_RETRY) fail();
  }
}

bool ArchiveReader::next_block(Block& out) {
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int outcome = ::archive_read_data_block(reader_.get(), &data, &size, &offset);
  if (outcome == ARCHIVE_EOF) return false;
  if (outcome != ARCHIVE_OK) fail();
  out = {{static_cast<const std::byte*>(data), size}, offset};
  return true;
}

void ArchiveReader::drain() {
  while (!source_ended_) source_ended_ = source_.read(buffer_) == 0;
}

Utf8Locale::Utf8Locale() : mine_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(nullptr) {
  if (mine_ != nullptr) before_ = ::uselocale(static_cast<locale_t>(mine_));
}

Utf8Locale::~Utf8Locale() {
  if (mine_ == nullptr) return;
  ::uselocale(static_cast<locale_t>(before_));
  ::freelocale(static_cast<locale_t>(mine_));
}

}  // namespace gantry::layer_archive
