#pragma once

#include <map>
#include <memory>
#include <string>

#include "json.hpp"
#include "tar/reader.hpp"

namespace gantry::cli {

/// The digests of an archive's files, taken as they are read by somebody else: what is said beside files is said about
/// each of them.
class FileDigests {
 public:
  /// Watches `reader`, which must outlive it.
  explicit FileDigests(TarReader& reader);
  ~FileDigests();
  FileDigests(const FileDigests&) = delete;
  FileDigests& operator=(const FileDigests&) = delete;

  /// The entry that is read next; the one before has been read to its end.
  void begin(const TarMember& member);
  /// As in-toto has them: [{"name": "bin/sh", "digest": {"sha256": "..."}}].
  Json subjects();

 private:
  struct Hash;
  void end();
  std::unique_ptr<Hash> hash_;
  std::string current_;  ///< Empty: no file is being read.
  std::map<std::string, std::string> digests_;
};

}  // namespace gantry::cli
