// main() of the tests that touch the kernel.

#include <gtest/gtest.h>

#include <cstdio>
#include <exception>

#include "isolation.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const auto run = [] { return RUN_ALL_TESTS(); };
  // ctest lists the tests as whoever runs it; only running them needs root.
  if (::testing::GTEST_FLAG(list_tests)) return run();
  try {
    return gantry::run_isolated(run);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "these tests need root (namespaces): %s\n", error.what());
    return 1;
  }
}
