#pragma once

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>

/// A folder with a directory in it, which is all that may change.
class ArchiveFolder {
 public:
  ArchiveFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "gantry-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    std::filesystem::create_directory(inside());
  }
  ~ArchiveFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ArchiveFolder(const ArchiveFolder&) = delete;
  ArchiveFolder& operator=(const ArchiveFolder&) = delete;

  [[nodiscard]] std::filesystem::path inside() const { return path_ / "inside"; }
  [[nodiscard]] bool untouched() const {
    return std::distance(std::filesystem::directory_iterator{path_}, std::filesystem::directory_iterator{}) == 1;
  }

 private:
  std::filesystem::path path_;
};

/// The same with every header's checksum made right, so that what follows it is looked at.
inline std::string with_checksums(std::string tar) {
  constexpr std::size_t kBlock = 512;
  for (std::size_t at = 0; at + kBlock <= tar.size(); at += kBlock) {
    if (tar.compare(at + 257, 5, "ustar") != 0) continue;
    tar.replace(at + 148, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t n = 0; n < kBlock; ++n) sum += static_cast<unsigned char>(tar[at + n]);
    for (std::size_t digit = 0; digit < 6; ++digit) {
      tar[at + 148 + digit] = static_cast<char>('0' + ((sum >> (3 * (5 - digit))) & 7));
    }
    tar[at + 154] = '\0';
  }
  return tar;
}
