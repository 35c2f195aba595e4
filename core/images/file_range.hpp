#pragma once

#include <cstdint>
#include <memory>

#include "gantry/seekable_source.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::images {

/// A part of a file that belongs to somebody else, who may change it at any time: what was read of it counts, never
/// what is there.
struct FileRange {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset{};
  std::uint64_t size{};
};

/// Reads it, and leaves the file's position alone.
class RangeSource final : public SeekableSource {
 public:
  explicit RangeSource(FileRange range) : range_(std::move(range)) {}
  /// Errors: invalid (the file has become shorter), io.
  std::size_t read(std::span<std::byte> buffer) override;
  void seek(std::uint64_t offset) override;

 private:
  FileRange range_;
  std::uint64_t at_{};
};

}  // namespace gantry::images
