#include "base/fatal_signal.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "base/workers.hpp"

namespace gantry {
namespace {

using ::testing::KilledBySignal;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // which has handlers of its own
#else
constexpr bool kSanitized = false;
#endif

void prepare() { report_fatal_signals("tried"); }

/// Deeper than any stack.
// NOLINTNEXTLINE(misc-no-recursion)
int deep(int level) {
  volatile int here[64] = {level};
  return level == 1'000'000'000 ? 0 : deep(here[0] + 1) + here[1];
}

class FatalSignalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer has handlers of its own";
  }
};

TEST_F(FatalSignalTest, IsToldWithItsPlaceAndEndsTheProcessAllTheSame) {
  const auto fault = [] {
    prepare();
    const Doing outer{"a call into the ", "log", "text"};
    *reinterpret_cast<volatile int*>(16) = 1;
  };
  EXPECT_EXIT(
      fault(), KilledBySignal(SIGSEGV),
      "^tried: fatal signal 11 \\(SIGSEGV\\) at address 0x10 in tried\\+0x[0-9a-f]+, during a call into the log "
      "driver \"text\"\n$");
}

TEST_F(FatalSignalTest, AnAbortIsToldAsOne) {
  const auto fail = [] {
    prepare();
    ::abort();
  };
  EXPECT_EXIT(fail(), KilledBySignal(SIGABRT), "^tried: fatal signal 6 \\(SIGABRT\\) in .*libc.*\\+0x[0-9a-f]+\n$");
}

TEST_F(FatalSignalTest, WhatSomebodySentIsToldSo) {
  const auto sent = [] {
    prepare();
    ::kill(::getpid(), SIGSEGV);
    for (;;) ::pause();
  };
  EXPECT_EXIT(sent(), KilledBySignal(SIGSEGV), "fatal signal 11 \\(SIGSEGV\\) sent by process [0-9]+ in ");
}

TEST_F(FatalSignalTest, AStackThatRanOutIsToldOnAWorkersThreadToo) {
  const auto overflow = [] {
    prepare();
    Workers workers{1, 1};
    workers.post(Pool::quick, [] { std::exit(deep(0)); });
    workers.join();
  };
  EXPECT_EXIT(overflow(), KilledBySignal(SIGSEGV),
              "fatal signal 11 \\(SIGSEGV\\) at address 0x[0-9a-f]+ in tried\\+0x");
}

/// The file of a library that this program has.
std::string file_of(const char* name) {
  std::pair<const char*, std::string> wanted{name, ""};
  const auto look = [](dl_phdr_info* info, std::size_t /*size*/, void* data) {
    auto& out = *static_cast<std::pair<const char*, std::string>*>(data);
    if (std::strstr(info->dlpi_name, out.first) != nullptr) out.second = info->dlpi_name;
    return 0;
  };
  ::dl_iterate_phdr(look, &wanted);
  return wanted.second;
}

TEST_F(FatalSignalTest, ALibraryInTheVeryPlaceOfADriverThatIsGoneHasItsOwnName) {
  std::string folder = (std::filesystem::temp_directory_path() / "gantry-fatal-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string first = folder + "/first.so", second = folder + "/second.so";
  for (const std::string& copy : {first, second}) std::filesystem::copy_file(file_of("libyaml"), copy);
  const auto fault = [&] {
    prepare();
    void* const driver = ::dlopen(first.c_str(), RTLD_NOW | RTLD_LOCAL);
    note_shared_objects("/driver.so", first);
    ::dlclose(driver);
    void* const library = ::dlopen(second.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* const function = ::dlsym(library, "yaml_get_version");
    note_shared_objects();
    reinterpret_cast<void (*)(void*, void*, void*)>(function)(nullptr, nullptr, nullptr);
  };
  EXPECT_EXIT(fault(), KilledBySignal(SIGSEGV), "^tried: fatal signal 11 .* in .*/second\\.so\\+0x[0-9a-f]+\n$");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace gantry
