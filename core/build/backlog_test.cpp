#include "build/backlog.hpp"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <thread>
#include <utility>

namespace gantry::build {
namespace {

class Backlogs : public ::testing::Test {
 protected:
  /// Whether there is room at once for who asks on the io thread.
  bool has_room() {
    bool room = false;
    asio::co_spawn(io_, await_room(room), asio::detached);
    io_.restart();
    io_.poll();
    return room;
  }
  awaitable<void> await_room(bool& out) {
    co_await backlog_->room();
    out = true;
  }

  asio::io_context io_{1};
  std::shared_ptr<Backlog> backlog_ = std::make_shared<Backlog>(io_.get_executor());
};

TEST_F(Backlogs, CountWhatIsHeld) {
  auto most = backlog_->hold(Backlog::kMost);
  EXPECT_TRUE(has_room());
  backlog_->wait();
  auto more = backlog_->hold(1);
  bool room = false;
  asio::co_spawn(io_, await_room(room), asio::detached);
  io_.restart();
  io_.poll();
  EXPECT_FALSE(room);
  const auto copy = std::exchange(more, nullptr);
  io_.poll();
  EXPECT_FALSE(room) << "it is held still";
  std::thread other{[&] { backlog_->wait(); }};
  most.reset();
  other.join();
  io_.restart();
  io_.poll();
  EXPECT_TRUE(room);
}

TEST_F(Backlogs, KeepNobodyWhenTheyEnd) {
  const auto all = backlog_->hold(Backlog::kMost + 1);
  bool room = false;
  asio::co_spawn(io_, await_room(room), asio::detached);
  std::thread other{[&] { backlog_->wait(); }};
  io_.poll();
  EXPECT_FALSE(room);
  backlog_->end();
  other.join();
  io_.restart();
  io_.poll();
  EXPECT_TRUE(room);
}

}  // namespace
}  // namespace gantry::build
