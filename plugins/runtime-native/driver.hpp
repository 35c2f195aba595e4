#pragma once

#include <map>
#include <mutex>
#include <string>

#include "container_shim/shim_driver.hpp"
#include "seccomp_store.hpp"

namespace gantry::native {

/// Containers by the kernel alone: the shim itself makes them.
class Driver final : public container_shim::ShimDriver {
 public:
  void capabilities(Capabilities& out) const override;
  void open(Host& host) override;

 private:
  container_shim::Plan plan(const runtime::v1::Spec& spec, const container_shim::TranslationContext& context) override;
  container_shim::ExecPlan plan_exec(const std::string& id, const runtime::v1::ExecSpec& spec) override;
  int init_program(const runtime::v1::Spec& spec) override;

  SeccompStore seccomp_;
  std::mutex mutex_;  ///< Of what follows.
  std::map<std::string, UniqueFd> init_programs_;
};

}  // namespace gantry::native
