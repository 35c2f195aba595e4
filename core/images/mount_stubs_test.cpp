#include "images/mount_stubs.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace gantry::images {
namespace {

using storage::v1::Change;
using storage::v1::ChangeKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> paths_of(const std::vector<Change>& changes) {
  std::vector<std::string> paths;
  for (const Change& change : changes) paths.push_back(change.path);
  return paths;
}

TEST(MountStubs, AreForgotten) {
  std::vector<Change> changes{{ChangeKind::added, "/.dockerenv"}, {ChangeKind::modified, "/etc"},
                              {ChangeKind::added, "/etc/hosts"},  {ChangeKind::added, "/etc/mtab"},
                              {ChangeKind::added, "/mine"},       {ChangeKind::removed, "/proc"}};
  EXPECT_THAT(forget_mount_stubs(changes), ElementsAre("/.dockerenv", "/etc", "/etc/hosts", "/etc/mtab"));
  EXPECT_THAT(paths_of(changes), ElementsAre("/mine", "/proc"));
}

TEST(MountStubs, LeaveTheDirectoryOfOtherChanges) {
  std::vector<Change> changes{
      {ChangeKind::modified, "/etc"}, {ChangeKind::added, "/etc/hosts"}, {ChangeKind::added, "/etc/mine"}};
  EXPECT_THAT(forget_mount_stubs(changes), ElementsAre("/etc/hosts"));
  EXPECT_THAT(paths_of(changes), ElementsAre("/etc", "/etc/mine"));
}

class Text final : public ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;
};

struct Entry {
  std::string name;
  std::string content;
  mode_t type = AE_IFREG;
  std::string link = {};
};

// Times of fractions make a header of pax's for each.
std::string pack(const std::vector<Entry>& entries) {
  std::string out(std::size_t{1} << 20, '\0');
  std::size_t used = 0;
  archive* const writer = ::archive_write_new();
  ::archive_write_set_format_pax(writer);
  ::archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const Entry& each : entries) {
    archive_entry* const entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, each.name.c_str());
    ::archive_entry_set_filetype(entry, each.type);
    ::archive_entry_set_perm(entry, 0644);
    ::archive_entry_set_mtime(entry, 1, 500);
    if (!each.link.empty()) ::archive_entry_set_symlink(entry, each.link.c_str());
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(each.content.size()));
    ::archive_write_header(writer, entry);
    ::archive_write_data(writer, each.content.data(), each.content.size());
    ::archive_entry_free(entry);
  }
  ::archive_write_close(writer);
  ::archive_write_free(writer);
  out.resize(used);
  return out;
}

std::vector<std::string> unpack(const std::string& text) {
  std::vector<std::string> out;
  archive* const reader = ::archive_read_new();
  ::archive_read_support_format_tar(reader);
  ::archive_read_open_memory(reader, text.data(), text.size());
  archive_entry* entry = nullptr;
  while (::archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    std::string content(static_cast<std::size_t>(::archive_entry_size(entry)), '\0');
    EXPECT_EQ(::archive_read_data(reader, content.data(), content.size()), static_cast<la_ssize_t>(content.size()));
    std::ostringstream line;
    line << ::archive_entry_pathname(entry) << ' ' << ::archive_entry_mtime_nsec(entry) << ' ' << content;
    out.push_back(line.str());
  }
  EXPECT_EQ(::archive_errno(reader), 0);
  ::archive_read_free(reader);
  return out;
}

std::string filtered(const std::string& archive, const std::set<std::string>& left_out, std::size_t piece) {
  Text out;
  EntryFilter filter(left_out, out);
  for (std::span<const char> rest{archive}; !rest.empty(); rest = rest.subspan(std::min(piece, rest.size()))) {
    filter.write(std::as_bytes(rest.first(std::min(piece, rest.size()))));
  }
  filter.finish();
  return out.text;
}

TEST(EntryFilter, LeavesOutEmptyEntriesOnly) {
  const std::string archive = pack({{".dockerenv", ""},
                                    {"etc/", "", AE_IFDIR},
                                    {"etc/hosts", std::string(2000, 'h')},
                                    {"etc/mtab", "", AE_IFLNK, "/proc/mounts"},
                                    {"last", "x"}});
  const std::set<std::string> left_out{"/.dockerenv", "/etc", "/etc/hosts", "/etc/mtab"};
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{700}, std::size_t{1} << 20}) {
    EXPECT_THAT(unpack(filtered(archive, left_out, piece)),
                ElementsAre("etc/hosts 500 " + std::string(2000, 'h'), "last 500 x"))
        << piece;
  }
}

// The end of a long path looks like a short one in the header.
TEST(EntryFilter, KnowsALongNameFromAShortOne) {
  for (const std::size_t size : {80, 97, 120, 300}) {
    const std::string name = std::string(size, 'd') + "/etc/hosts";
    const std::string archive = pack({{name, ""}, {"etc/hosts", ""}});
    EXPECT_THAT(unpack(filtered(archive, {"/etc/hosts"}, 1000)), ElementsAre(name + " 500 ")) << size;
  }
}

TEST(EntryFilter, TakesNoFilesContentForAHeader) {
  const std::string inner = pack({{".dockerenv", ""}});
  const std::string archive = pack({{"inner.tar", inner}});
  EXPECT_EQ(filtered(archive, {"/.dockerenv"}, 1000), archive);
}

TEST(EntryFilter, HandsOnWhatIsNoArchive) {
  for (const std::string& text : {std::string(), std::string("short"), std::string(1500, '\xff')}) {
    EXPECT_EQ(filtered(text, {"/.dockerenv"}, 7), text);
  }
}

}  // namespace
}  // namespace gantry::images
