#include "isolated/ends.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gantry::isolated {
namespace {

TEST(Ends, AreWaitedForUpToALimit) {
  Ends ends;
  EXPECT_TRUE(ends.wait(std::chrono::milliseconds{0}));
  ends.begin();
  EXPECT_FALSE(ends.wait(std::chrono::milliseconds{1})) << "a process that no signal ends";
  std::thread last{[&ends] { ends.done(); }};
  EXPECT_TRUE(ends.wait(std::chrono::seconds{20}));
  last.join();
}

}  // namespace
}  // namespace gantry::isolated
