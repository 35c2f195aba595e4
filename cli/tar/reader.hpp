#pragma once

#include <sys/types.h>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace gantry::cli {

/// What a file's capabilities are kept in (capabilities(7)).
inline constexpr const char* kCapabilityXattr = "security.capability";

/// One entry of a tar archive.
struct TarMember {
  std::string name;
  std::string link;
  char type{};  ///< '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory, '6' FIFO.
  mode_t mode{};
  std::uint64_t size{};
  std::int64_t modified{};  ///< Seconds.
  unsigned major{};
  unsigned minor{};
  std::string capability;  ///< The bytes of kCapabilityXattr; empty without.
};

/// Reads a tar archive (ustar, with the extended headers of pax and GNU) from a stream.
class TarReader {
 public:
  /// Gives some bytes; 0 at the end.
  using Source = std::function<std::size_t(std::span<char>)>;
  explicit TarReader(Source source) : source_(std::move(source)) {}

  /// The next entry; what is left of the last one's content is skipped. False at the end. Throws Failure.
  bool next(TarMember& member);
  /// Some of the entry's content; 0 at its end. Throws Failure.
  std::size_t read(std::span<char> buffer);
  /// Shows `see` the content that is read from now on.
  void watch(std::function<void(std::span<const char>)> see) { see_ = std::move(see); }

 private:
  bool read_block(std::span<char> block);
  std::size_t read_content(std::span<char> buffer);
  std::string read_text(std::uint64_t size);
  void read_pax(const std::string& records, TarMember& member);
  void skip();

  Source source_;
  std::function<void(std::span<const char>)> see_;
  std::uint64_t left_ = 0;     ///< Of the content.
  std::uint64_t padding_ = 0;  ///< Behind it.
};

}  // namespace gantry::cli
