#include "build/file_outputs.hpp"

#include <sys/stat.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "build/file_digests.hpp"
#include "client/pending_file.hpp"
#include "command/failure.hpp"
#include "copy/tree_target.hpp"
#include "tar/header.hpp"

namespace gantry::cli {
namespace {

/// The statement as it stands beside files: about each of them.
std::string statement_text(const FileStatement& file, const Json& subjects) {
  Json statement = Json::parse(file.statement);
  statement["subject"] = subjects;
  return statement.dump(2, ' ', false, Json::error_handler_t::replace);
}

/// An archive on its way through: all that was read goes out again, but for its end.
class Passage {
 public:
  Passage(TarReader::Source from, int to) : from_(std::move(from)), to_(to) {}

  std::size_t read(std::span<char> buffer) {
    const std::size_t got = from_(buffer);
    // More of it is zeros that nobody wants.
    if (!over_) read_.append(buffer.data(), got);
    return got;
  }
  /// What was read is no end.
  void go_on() {
    write_fully(to_, read_);
    written_ += read_.size();
    read_.clear();
  }
  void send(const std::string& name, const std::string& content) {
    struct stat status {};
    status.st_mode = S_IFREG | 0600;
    status.st_size = static_cast<off_t>(content.size());
    status.st_mtime = std::time(nullptr);
    read_ = tar_header(name, status, "") + content + tar_padding(content.size());
    go_on();
  }
  /// The last file's padding has come together with the end.
  void finish_entry() {
    read_ = tar_padding(written_);
    go_on();
    over_ = true;
  }
  void finish() const { write_fully(to_, tar_end()); }

 private:
  TarReader::Source from_;
  int to_;
  std::string read_;
  std::size_t written_ = 0;
  bool over_ = false;
};

}  // namespace

std::vector<FileStatement> file_statements(const Json& attestations, const std::string& prefix) {
  std::vector<FileStatement> out;
  for (const Json& item : attestations) {
    const std::string type = item.value("PredicateType", "");
    const auto statement = item.find("Statement");
    if (statement == item.end()) continue;
    if (type.starts_with("https://spdx.dev/")) out.push_back({prefix + "sbom.spdx.json", statement->dump()});
    if (type.starts_with("https://slsa.dev/provenance/"))
      out.push_back({prefix + "provenance.json", statement->dump()});
  }
  return out;
}

void unpack_files(const TarReader::Source& archive, const std::string& directory,
                  const std::vector<FileStatement>& statements) {
  std::filesystem::create_directories(directory);
  TarReader reader{archive};
  FileDigests digests{reader};
  {
    TreeTarget target{directory};
    TarMember member;
    while (reader.next(member)) {
      digests.begin(member);
      target.take(member, reader);
    }
  }
  if (statements.empty()) return;
  const Json subjects = digests.subjects();
  for (const FileStatement& file : statements) {
    const std::string path = directory + "/" + file.name;
    // The image's own file of that name may be a link to anywhere: it is replaced, not written through.
    PendingFile pending(path);
    write_fully(pending.fd(), statement_text(file, subjects));
    pending.commit();
  }
}

void pass_files(const TarReader::Source& archive, int to, const std::vector<FileStatement>& statements) {
  Passage passage{archive, to};
  TarReader reader{[&passage](std::span<char> buffer) { return passage.read(buffer); }};
  FileDigests digests{reader};
  TarMember member;
  std::array<char, 65536> buffer;
  while (reader.next(member)) {
    digests.begin(member);
    passage.go_on();
    while (reader.read(buffer) > 0) passage.go_on();
  }
  passage.finish_entry();
  const Json subjects = digests.subjects();
  for (const FileStatement& file : statements) passage.send(file.name, statement_text(file, subjects));
  passage.finish();
}

}  // namespace gantry::cli
