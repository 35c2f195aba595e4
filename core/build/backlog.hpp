#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "base/async.hpp"

namespace gantry::build {

/// What a build has said and its client has not taken yet. While that is too much, who says more waits: a client that
/// reads slowly, or a terminal that is stopped, costs the daemon no more than that.
class Backlog : public std::enable_shared_from_this<Backlog> {
 public:
  static constexpr std::size_t kMost = std::size_t{4} << 20;

  explicit Backlog(asio::any_io_executor io) : io_(io), room_(io, asio::steady_timer::time_point::max()) {}

  /// So many bytes count for as long as what is answered lives. Any thread.
  std::shared_ptr<const void> hold(std::size_t bytes);

  /// Blocks until there is room. Any thread but the io thread, by which it comes.
  void wait();
  /// The same for the io thread.
  awaitable<void> room();

  /// Nobody takes anything any more: nobody waits either. Any thread.
  void end() noexcept;

 private:
  void release(std::size_t bytes) noexcept;
  [[nodiscard]] bool full() const;

  asio::any_io_executor io_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t bytes_ = 0;
  bool ended_ = false;
  asio::steady_timer room_;  ///< On the io thread.
};

}  // namespace gantry::build
