#include "images/clamped_times.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include <string>

namespace gantry::images {
namespace {

class Collected final : public ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;
};

la_ssize_t take(archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

std::string archive_of(std::int64_t seconds, long nanoseconds) {
  std::string out;
  archive* writer = ::archive_write_new();
  ::archive_write_set_format_pax(writer);
  ::archive_write_open(writer, &out, nullptr, take, nullptr);
  for (const char* name : {"a", "b"}) {
    archive_entry* entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, name);
    ::archive_entry_set_filetype(entry, AE_IFREG);
    ::archive_entry_set_perm(entry, 0644);
    ::archive_entry_set_size(entry, 700);
    ::archive_entry_set_mtime(entry, seconds, nanoseconds);
    ::archive_entry_xattr_add_entry(entry, "user.mtime", "x", 1);
    ::archive_write_header(writer, entry);
    ::archive_write_data(writer, std::string(700, *name).data(), 700);
    ::archive_entry_free(entry);
  }
  ::archive_write_free(writer);
  return out;
}

std::string clamped(const std::string& archive, std::int64_t latest, std::size_t piece) {
  Collected out;
  ClampedTimes filter{latest, out};
  for (std::size_t at = 0; at < archive.size(); at += piece) {
    filter.write(std::as_bytes(std::span{archive}).subspan(at, std::min(piece, archive.size() - at)));
  }
  filter.finish();
  return out.text;
}

std::vector<std::pair<std::int64_t, long>> times_in(const std::string& text) {
  std::vector<std::pair<std::int64_t, long>> out;
  archive* reader = ::archive_read_new();
  ::archive_read_support_format_tar(reader);
  ::archive_read_open_memory(reader, text.data(), text.size());
  for (archive_entry* entry = nullptr; ::archive_read_next_header(reader, &entry) == ARCHIVE_OK;) {
    out.emplace_back(::archive_entry_mtime(entry), ::archive_entry_mtime_nsec(entry));
    EXPECT_EQ(::archive_entry_size(entry), 700);
  }
  ::archive_read_free(reader);
  return out;
}

using ::testing::Each;
using ::testing::SizeIs;
using Time = std::pair<std::int64_t, long>;

TEST(ClampedTimes, LeavesNoTimeLaterThanTheGivenOne) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{700}, std::size_t{1} << 20}) {
    for (const long fraction : {0L, 123456789L}) {
      const std::string archive = archive_of(1700000000, fraction);
      const std::string out = clamped(archive, 1600000000, piece);
      EXPECT_THAT(times_in(out), SizeIs(2));
      EXPECT_THAT(times_in(out), Each(Time{1600000000, 0}));
      EXPECT_THAT(times_in(clamped(archive, 0, piece)), Each(Time{0, 0}));
    }
  }
}

TEST(ClampedTimes, KeepsEarlierOnesToTheByte) {
  const std::string archive = archive_of(1500000000, 123456789);
  EXPECT_EQ(clamped(archive, 1600000000, 100), archive);
  EXPECT_EQ(clamped(archive, 1500000001, 100), archive);
  EXPECT_THAT(times_in(clamped(archive, 1500000000, 100)), Each(Time{1500000000, 0}));
}

TEST(ClampedTimes, GivesTheSameBytesForTheSameFilesOfOtherTimes) {
  const std::string one = clamped(archive_of(1700000000, 5), 1600000000, 512);
  // A fraction has as many digits as it needs.
  for (const long fraction : {0L, 7L, 120000000L}) {
    EXPECT_EQ(clamped(archive_of(1711111111, fraction), 1600000000, 512), one);
  }
}

TEST(ClampedTimes, PassesOnWhatIsNoArchive) {
  const std::string noise(1000, 'x');
  EXPECT_EQ(clamped(noise, INT64_MAX, 100).size(), noise.size());
}

}  // namespace
}  // namespace gantry::images
