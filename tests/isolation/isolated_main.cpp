// main() of the tests that touch the kernel.

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "isolation.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // ctest lists the tests as whoever runs it; only running them needs root.
  if (!::testing::GTEST_FLAG(list_tests) && !gantry::isolate()) {
    std::fprintf(stderr, "these tests need root (namespaces): %s\n", std::strerror(errno));
    return 1;
  }
  return RUN_ALL_TESTS();
}
