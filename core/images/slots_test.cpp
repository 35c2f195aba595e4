#include "images/slots.hpp"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <deque>

namespace gantry::images {
namespace {

/// Users who take a place and keep it until they are told to go.
class SlotsTest : public ::testing::Test {
 protected:
  void come() {
    asio::co_spawn(
        context_,
        [](SlotsTest& test) -> awaitable<void> { test.inside_.emplace_back(co_await test.slots_.take()); }(*this),
        asio::detached);
    settle();
  }
  void leave() {
    inside_.pop_front();
    settle();
  }
  void settle() {
    context_.restart();
    context_.poll();
  }

  asio::io_context context_;
  Slots slots_{2};
  std::deque<Slots::Slot> inside_;
};

TEST_F(SlotsTest, AreGivenInTurn) {
  for (int n = 0; n < 4; ++n) come();
  EXPECT_EQ(inside_.size(), 2U);
  leave();
  EXPECT_EQ(inside_.size(), 2U);
  leave();
  leave();
  EXPECT_EQ(inside_.size(), 1U);
}

TEST_F(SlotsTest, GrowUnderThoseWhoWait) {
  for (int n = 0; n < 5; ++n) come();
  slots_.resize(4);
  settle();
  EXPECT_EQ(inside_.size(), 4U);
}

TEST_F(SlotsTest, ShrinkAsUsersLeave) {
  for (int n = 0; n < 4; ++n) come();
  slots_.resize(1);
  leave();
  EXPECT_EQ(inside_.size(), 1U);
  leave();
  EXPECT_EQ(inside_.size(), 1U) << "the place of the last one goes to who waits";
  slots_.resize(2);
  settle();
  EXPECT_EQ(inside_.size(), 2U);
}

}  // namespace
}  // namespace gantry::images
