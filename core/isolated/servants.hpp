#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "isolated/serving.hpp"

namespace gantry::isolated {

/// The threads that serve connections, one for each. Any thread.
class Servants {
 public:
  /// Errors: std::system_error (there is no thread for it).
  void start(const std::shared_ptr<Line>& line, Answerer& answerer);

  [[nodiscard]] std::size_t count() const;

  /// Ends all connections: calls under way go on, but nobody hears what comes of them.
  void cut() noexcept;

  /// Until the last connection has ended.
  void wait();

 private:
  void forget(std::shared_ptr<Line> line) noexcept;

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::set<const Line*> lines_;
};

}  // namespace gantry::isolated
