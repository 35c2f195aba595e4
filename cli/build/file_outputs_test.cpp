#include "build/file_outputs.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/pending_file.hpp"
#include "tar/header.hpp"

namespace gantry::cli {
namespace {

namespace fs = std::filesystem;

// sha256sum(1) of "content\n" and of nothing.
constexpr const char* kContentSum = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53";
constexpr const char* kEmptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string entry(const std::string& name, mode_t mode, const std::string& content, const std::string& target = "",
                  bool hard_link = false) {
  struct stat status {};
  status.st_mode = mode;
  status.st_size = static_cast<off_t>(content.size());
  return tar_header_of_owner(name, status, target, hard_link, "") + content + tar_padding(content.size());
}

/// A directory, two files, a hard and a symbolic link; what the last file ends in looks like the archive's end.
std::string files_tar() {
  return entry("./bin/", S_IFDIR | 0755, "") + entry("./bin/tool", S_IFREG | 0755, "content\n") +
         entry("./bin/same", S_IFREG | 0755, "", "./bin/tool", true) + entry("link", S_IFLNK | 0777, "", "bin/tool") +
         entry("zeros", S_IFREG | 0644, std::string(2000, '\0')) + entry("empty", S_IFREG | 0644, "");
}

TarReader::Source source_of(const std::string& text) {
  return [text, at = std::size_t{0}](std::span<char> buffer) mutable {
    // In small pieces, as they come from a socket.
    const std::size_t size = std::min({buffer.size(), text.size() - at, std::size_t{700}});
    std::memcpy(buffer.data(), text.data() + at, size);
    at += size;
    return size;
  };
}

Json attestations() {
  return Json::parse(R"([
    {"PredicateType":"https://spdx.dev/Document","Statement":{"_type":"t","subject":[1],"predicate":{"a":1}}},
    {"PredicateType":"https://slsa.dev/provenance/v0.2","Statement":{"subject":[2]}},
    {"PredicateType":"https://slsa.dev/provenance/v0.2"},
    {"PredicateType":"https://example.com/other","Statement":{}}])");
}

class FileOutputs : public ::testing::Test {
 protected:
  FileOutputs() {
    std::string pattern = (fs::temp_directory_path() / "outputs-XXXXXX").string();
    top_ = ::mkdtemp(pattern.data());
  }
  ~FileOutputs() override { fs::remove_all(top_); }
  [[nodiscard]] std::string passed(const std::vector<FileStatement>& statements) const {
    const std::string path = top_ / "out.tar";
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    pass_files(source_of(files_tar() + std::string(10240, '\0')), file.get(), statements);
    return whole_file(path);
  }
  fs::path top_;
};

TEST_F(FileOutputs, AreNamedAsBuildKitNamesThem) {
  const auto found = file_statements(attestations(), "x-");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "x-sbom.spdx.json");
  EXPECT_EQ(found[1].name, "x-provenance.json");
}

TEST_F(FileOutputs, HaveStatementsAboutEachFileBesideThem) {
  const std::string directory = top_ / "out";
  unpack_files(source_of(files_tar() + tar_end()), directory, file_statements(attestations(), ""));
  EXPECT_EQ(whole_file(directory + "/bin/tool"), "content\n");
  const Json statement = Json::parse(whole_file(directory + "/sbom.spdx.json"));
  EXPECT_EQ(statement["predicate"]["a"], 1);
  const Json& subjects = statement["subject"];
  ASSERT_EQ(subjects.size(), 4U);
  EXPECT_EQ(subjects[0]["name"], "bin/same");
  EXPECT_EQ(subjects[0]["digest"]["sha256"], kContentSum);
  EXPECT_EQ(subjects[1]["name"], "bin/tool");
  EXPECT_EQ(subjects[1]["digest"]["sha256"], kContentSum);
  EXPECT_EQ(subjects[2]["name"], "empty");
  EXPECT_EQ(subjects[2]["digest"]["sha256"], kEmptySum);
  EXPECT_EQ(subjects[3]["name"], "zeros");
}

TEST_F(FileOutputs, HaveStatementsAtTheEndOfAnArchive) {
  EXPECT_EQ(passed({}), files_tar() + tar_end()) << "all else goes through as it is";
  const std::string archive = passed(file_statements(attestations(), ""));
  EXPECT_TRUE(archive.starts_with(files_tar()));
  std::vector<std::string> names;
  TarReader reader{source_of(archive)};
  TarMember member;
  while (reader.next(member)) {
    names.push_back(member.name);
    if (member.name != "provenance.json") continue;
    std::string text(member.size, '\0');
    for (std::size_t at = 0; at < text.size();) at += reader.read(std::span{text}.subspan(at));
    EXPECT_EQ(Json::parse(text)["subject"].size(), 4U);
  }
  ASSERT_EQ(names.size(), 8U);
  EXPECT_EQ(names[6], "sbom.spdx.json");
  EXPECT_EQ(names[7], "provenance.json");
}

}  // namespace
}  // namespace gantry::cli
