// main() of the fuzz targets where there is no libFuzzer: feeds the seeds, then random changes of them.
//   fuzz_x [--runs N] [--seed N] [file or folder]...
// An input that crashes the target is written to crash-input in the working directory.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Bytes = std::string;

constexpr std::size_t kMaxSize = 1 << 16;
constexpr unsigned kSecondsForOneInput = 10;

const Bytes* current = nullptr;

/// On the way down: system calls only.
void keep_input(int signal) {
  const int file = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (current != nullptr && ::write(file, current->data(), current->size()) < 0) ::_exit(3);
  static constexpr std::string_view note = "the input is in crash-input\n";
  if (::write(STDERR_FILENO, note.data(), note.size()) < 0) ::_exit(3);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run(const Bytes& input) {
  current = &input;
  ::alarm(kSecondsForOneInput);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  ::alarm(0);
}

class Mutator {
 public:
  Mutator(std::vector<Bytes> seeds, std::uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {}

  Bytes next() {
    Bytes bytes = seeds_[below(seeds_.size())];
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) change(bytes);
    if (bytes.size() > kMaxSize) bytes.resize(kMaxSize);
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  char byte() { return static_cast<char>(random_()); }

  void change(Bytes& bytes) {
    static constexpr std::string_view interesting{"\0\xff\x7f\x80\"'\\/{}[]:,.-+%&=09eE\n\r ", 26};
    const std::size_t at = below(bytes.size() + 1);
    switch (below(8)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = interesting[below(interesting.size())];
        break;
      case 2:
        bytes.insert(at, 1 + below(8), byte());
        break;
      case 3:
        bytes.erase(at, 1 + below(16));
        break;
      case 4:
        bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(64)));
        break;
      case 5:
        bytes.insert(at, bytes.substr(at, below(16)).append(bytes.substr(at, below(16))));
        break;
      case 6: {
        const Bytes& other = seeds_[below(seeds_.size())];
        bytes = bytes.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
      default:
        bytes.insert(at, below(2) == 0 ? "18446744073709551616" : "-9223372036854775809");
    }
  }

  std::vector<Bytes> seeds_;
  std::mt19937_64 random_;
};

Bytes read(const fs::path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t runs = 1000;
  std::uint64_t seed = 1;
  std::vector<Bytes> seeds{Bytes{}};
  for (int n = 1; n < argc; ++n) {
    const std::string_view argument = argv[n];
    if (argument == "--runs" && n + 1 < argc) {
      runs = std::strtoull(argv[++n], nullptr, 10);
    } else if (argument == "--seed" && n + 1 < argc) {
      seed = std::strtoull(argv[++n], nullptr, 10);
    } else if (fs::is_directory(argument)) {
      for (const auto& entry : fs::directory_iterator{argument}) seeds.push_back(read(entry.path()));
    } else {
      seeds.push_back(read(argument));
    }
  }
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM}) ::signal(signal, keep_input);
  for (const Bytes& input : seeds) run(input);
  Mutator mutator{seeds, seed};
  for (std::uint64_t n = 0; n < runs; ++n) run(mutator.next());
  std::printf("%llu inputs\n", static_cast<unsigned long long>(runs + seeds.size()));
  return 0;
}
