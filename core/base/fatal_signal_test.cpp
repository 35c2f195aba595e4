#include "base/fatal_signal.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

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

}  // namespace
}  // namespace gantry
