// Layers of very many entries.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "gantry/unique_fd.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/unpack.hpp"

namespace gantry::layer_archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNames = 100'000;

class QuietCall final : public Call {
 public:
  [[nodiscard]] bool cancelled() const noexcept override { return false; }
  [[nodiscard]] int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
};

/// An archive of so many empty files in a directory for each thousand, which is nowhere whole; notes how much of the
/// heap is taken at most while it is read. After a hundred thousand they have the names of the first again.
class ManyEntries final : public ByteSource {
 public:
  explicit ManyEntries(std::size_t entries) : entries_(entries), before_(taken()) {}

  std::size_t read(std::span<std::byte> buffer) override {
    most_ = std::max(most_, taken());
    std::size_t put = 0;
    while (put + kBlock <= buffer.size() && at_ < entries_ + 2) {
      const auto block = header(at_++);
      std::memcpy(buffer.data() + put, block.data(), kBlock);
      put += kBlock;
    }
    return put;
  }

  [[nodiscard]] std::size_t most_heap() const { return most_ - std::min(before_, most_); }

 private:
  static std::size_t taken() {
    const struct mallinfo2 now = ::mallinfo2();
    return now.uordblks + now.hblkhd;
  }

  /// Two empty ones at the end.
  [[nodiscard]] std::array<char, kBlock> header(std::size_t at) const {
    std::array<char, kBlock> out{};
    if (at >= entries_) return out;
    at %= kNames;
    const bool directory = at % 1000 == 0;
    std::snprintf(out.data(), 100, directory ? "d%08zu/" : "d%08zu/a-file-with-quite-a-long-name-%08zu", at / 1000, at);
    std::snprintf(out.data() + 100, 8, "%07o", directory ? 0755U : 0644U);
    std::snprintf(out.data() + 108, 8, "%07o", static_cast<unsigned>(::getuid()));
    std::snprintf(out.data() + 116, 8, "%07o", static_cast<unsigned>(::getgid()));
    std::snprintf(out.data() + 124, 12, "%011o", 0U);
    std::snprintf(out.data() + 136, 12, "%011o", 1'000'000'000U);
    out[156] = directory ? '5' : '0';
    std::memcpy(out.data() + 257, "ustar", 6);
    std::memcpy(out.data() + 263, "00", 2);
    std::fill_n(out.begin() + 148, 8, ' ');
    unsigned sum = 0;
    for (const char c : out) sum += static_cast<unsigned char>(c);
    std::snprintf(out.data() + 148, 8, "%06o", sum);
    return out;
  }

  std::size_t entries_;
  std::size_t at_ = 0;
  std::size_t before_;
  std::size_t most_ = 0;
};

/// The heap that unpacking so many takes at most.
std::size_t heap_for(std::size_t entries) {
  // In memory, where there is room: it is about the reader, and disks take their time for so many files.
  const fs::path memory = "/dev/shm";
  std::string pattern = ((fs::exists(memory) ? memory : fs::temp_directory_path()) / "gantry-entries-XXXXXX").string();
  const fs::path place = ::mkdtemp(pattern.data());
  std::size_t out = 0;
  {
    const UniqueFd root{::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    ManyEntries tar{entries};
    EXPECT_EQ(unpack(tar, root.get(), QuietCall{}).entries, entries);
    out = tar.most_heap();
  }
  remove_tree(AT_FDCWD, place);
  return out;
}

/// GANTRY_TEST_ENTRIES: how many more than the few.
TEST(ManyEntries, TakeNoMoreMemoryThanFew) {
  const char* wanted = std::getenv("GANTRY_TEST_ENTRIES");
  const std::size_t many = wanted == nullptr ? 8'000 : std::strtoull(wanted, nullptr, 10);
  const std::size_t few_heap = heap_for(1'000);
  const std::size_t many_heap = heap_for(many);
  std::printf("heap for 1000 entries: %zu KiB, for %zu: %zu KiB\n", few_heap / 1024, many, many_heap / 1024);
  // What is left is a directory's name and times for each thousand.
  EXPECT_LT(many_heap, few_heap + std::min(many, kNames) / 1000 * 256 + (std::size_t{32} << 10));
}

}  // namespace
}  // namespace gantry::layer_archive
