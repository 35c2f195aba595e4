#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace gantry::containers {

/// Where the time of one operation goes: a stamp behind each step.
class Trace {
 public:
  struct Step {
    std::string operation;  ///< "create", "start", "exit".
    const char* name;
    std::chrono::steady_clock::time_point at;
  };

  void begin(std::string operation) {
    operation_ = std::move(operation);
    step("begin");
  }
  void step(const char* name) { steps_.push_back({operation_, name, std::chrono::steady_clock::now()}); }
  /// Before the next run of a container that was started before.
  void clear() { steps_.clear(); }

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

 private:
  std::string operation_;
  std::vector<Step> steps_;
};

}  // namespace gantry::containers
