#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "gantry/seekable_source.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::images {

/// Content by digest: <data-root>/blobs/sha256/<hex>. A blob appears under its name only when all of it is there and
/// its digest is right; what is being written is in <data-root>/blobs/ingest. Any thread.
class BlobStore {
 public:
  /// Makes the directories.
  explicit BlobStore(std::filesystem::path root);

  /// One blob that is being written; removed again unless it is committed or kept.
  class Writer final : public ByteSink {
   public:
    explicit Writer(const BlobStore& store);
    /// Of a blob that is being fetched: there may be a beginning of it, that an earlier writer has kept or a daemon
    /// that was killed has left. Then `replay` comes before `write`.
    Writer(const BlobStore& store, const std::string& digest, std::uint64_t size);
    ~Writer() override;
    Writer(Writer&& other) noexcept;
    Writer& operator=(Writer&&) = delete;
    void write(std::span<const std::byte> bytes) override;
    /// Hands on what is there already.
    void replay(ByteSink& copy);
    /// Leaves what is there, if it is worth while, to the next one who fetches the blob.
    void keep();
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// Ends the blob and gives it its name; answers its digest. Succeeds if there is one of that name already.
    std::string commit();
    /// The same for a digest that must be. Errors: invalid.
    void commit(const std::string& expected, std::uint64_t expected_size);

   private:
    void publish(const std::string& digest);
    const BlobStore* store_;
    std::filesystem::path temporary_;
    UniqueFd file_;
    Sha256 hash_;
    std::uint64_t size_{};
  };

  [[nodiscard]] std::filesystem::path path(const std::string& digest) const;
  /// Whether the blob is there in its full length.
  [[nodiscard]] bool has(const std::string& digest, std::uint64_t size) const;
  [[nodiscard]] bool has(const std::string& digest) const;
  /// 0 if there is none.
  [[nodiscard]] std::uint64_t size(const std::string& digest) const;
  /// Errors: not_found.
  [[nodiscard]] UniqueFd open(const std::string& digest) const;
  /// Errors: not_found, invalid (larger than `limit`).
  [[nodiscard]] std::string read(const std::string& digest, std::size_t limit) const;
  /// Writes a small blob; answers its digest.
  std::string put(std::string_view content) const;
  /// Takes a blob out of the store at once; what is left of it is the caller's to remove, or goes when the daemon
  /// starts. Answers its path; empty if there is no such blob.
  [[nodiscard]] std::filesystem::path set_aside(const std::string& digest) const;
  [[nodiscard]] std::vector<std::string> list() const;
  /// Removes what a killed daemon was writing, but for the beginnings of blobs that may still be wanted: those of the
  /// last day.
  void remove_temporaries() const;
  /// Removes the beginnings of blobs that nobody is fetching, nor was for so long. Gives their size on disk.
  std::uint64_t remove_beginnings(std::chrono::seconds unused_for = {}) const;
  [[nodiscard]] const std::filesystem::path& ingest_directory() const noexcept { return ingest_; }

 private:
  std::filesystem::path blobs_;
  std::filesystem::path ingest_;
};

/// Reads a file from its start.
class FileSource final : public SeekableSource {
 public:
  explicit FileSource(UniqueFd file) : file_(std::move(file)) {}
  std::size_t read(std::span<std::byte> buffer) override;
  void seek(std::uint64_t offset) override;

 private:
  UniqueFd file_;
};

}  // namespace gantry::images
