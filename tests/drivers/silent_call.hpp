#pragma once

#include "gantry/call.hpp"

namespace gantry::conformance {

/// A call that tells nobody anything; cancelled from its start, or never.
class SilentCall final : public Call {
 public:
  explicit SilentCall(bool cancelled = false) : cancelled_(cancelled) {}

  [[nodiscard]] bool cancelled() const noexcept override { return cancelled_; }
  [[nodiscard]] int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}

 private:
  bool cancelled_;
};

}  // namespace gantry::conformance
