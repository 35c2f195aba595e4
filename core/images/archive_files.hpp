#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "gantry/stream.hpp"
#include "images/blob_store.hpp"
#include "images/compression.hpp"
#include "images/file_range.hpp"
#include "plugins/call.hpp"

namespace gantry::images {

[[noreturn]] void refuse_archive(const std::string& why);

/// The files of an image archive. They are in the blob store, but for large ones of an archive that is a file: these
/// stay where they are until somebody wants them.
class ArchiveFiles {
 public:
  struct File {
    std::string digest;  ///< Empty: it is in the archive, at `offset`, and nobody has read it.
    std::uint64_t size{};
    std::uint64_t offset{};
  };

  /// `stored` is told of each file when it has come into the store. What reads throws Errc::cancelled soon after
  /// `cancel`.
  explicit ArchiveFiles(const BlobStore& blobs, std::function<void(const File&)> stored = {},
                        std::shared_ptr<const plugins::CancelSource> cancel = {})
      : blobs_(&blobs), stored_(std::move(stored)), cancel_(std::move(cancel)) {}

  /// Reads a tar archive (plain or compressed) to its end and puts its files into the store. Errors: invalid.
  void read(ByteSource& source);
  /// The same of a file.
  void read(std::shared_ptr<const UniqueFd> file);

  /// By any spelling of the path; follows links. Null if there is none.
  [[nodiscard]] File* find(const std::string& path);
  /// Errors: invalid: there is none.
  File& need(const std::string& path);

  /// A small file's content. Errors: invalid.
  std::string content(File& file, std::size_t limit);
  /// Puts the file into the store, if it is not there.
  const std::string& digest(File& file);
  Compression compression(const File& file) const;
  /// Says by which digest a file that nobody has read is asked for: the first that is said to be it. Whoever takes it
  /// makes sure of it.
  void expect(const File& file, const std::string& digest) { expected_.emplace(digest, range(file)); }
  /// Where the blobs are that were expected, by digest.
  [[nodiscard]] const std::map<std::string, FileRange>& expected() const noexcept { return expected_; }

 private:
  class Reader;
  [[nodiscard]] FileRange range(const File& file) const { return {archive_, file.offset, file.size}; }
  void take_entries(Reader& reader);
  void check() const;

  const BlobStore* blobs_;
  std::function<void(const File&)> stored_;
  std::shared_ptr<const plugins::CancelSource> cancel_;
  std::shared_ptr<const UniqueFd> archive_;
  std::map<std::string, File> files_;
  std::map<std::string, std::string> links_;  ///< Symbolic and hard links: path to path.
  std::map<std::string, FileRange> expected_;
};

}  // namespace gantry::images
