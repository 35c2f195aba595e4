// main() of the tests that touch the kernel.

#include <gtest/gtest.h>

#include <cstdio>
#include <exception>

#include "isolation.hpp"

namespace {

/// What ctest is told where nothing was tried: see SKIP_RETURN_CODE.
constexpr int kSkipped = 77;

int run_tests() {
  const int code = RUN_ALL_TESTS();
  const auto& all = *::testing::UnitTest::GetInstance();
  return code == 0 && all.successful_test_count() == 0 && all.skipped_test_count() > 0 ? kSkipped : code;
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // ctest lists the tests as whoever runs it; only running them needs root.
  if (::testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  try {
    return gantry::run_isolated(run_tests);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "these tests need root (namespaces): %s\n", error.what());
    return 1;
  }
}
