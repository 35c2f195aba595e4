#pragma once

#include "gantry/log.hpp"

namespace gantry::log_none {

/// Keeps nothing.
class Driver : public log::v1::Driver, public log::v1::Instant {
 public:
  void* query(std::string_view ability) noexcept override {
    return ability == Instant::kAbility ? static_cast<Instant*>(this) : nullptr;
  }
  void capabilities(Capabilities& out) const override { out = {"instant"}; }
  void options(std::vector<OptionInfo>& out) const override { out.clear(); }
  void open(Host& /*host*/) override {}

  /// As dockerd: takes whatever it is given.
  void check(const Options& /*options*/, const Call& /*call*/) override {}
  void plan(const log::v1::Subject& subject, const Options& options, log::v1::Plan& out, const Call& call) override;
  [[nodiscard]] bool answers_at_once(const Options& /*options*/) const noexcept override { return true; }
};

}  // namespace gantry::log_none
