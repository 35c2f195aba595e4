#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "container_shim/shim_driver.hpp"

namespace gantry::oci {

/// Containers that an OCI runtime of the host's makes (crun, runc, ...), each with a gantry-shim beside it.
class Driver final : public container_shim::ShimDriver {
 public:
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

 private:
  container_shim::Plan plan(const runtime::v1::Spec& spec, const container_shim::TranslationContext& context) override;
  container_shim::ExecPlan plan_exec(const std::string& id, const runtime::v1::ExecSpec& spec) override;
  int init_program(const runtime::v1::Spec& spec) override;
  Error explain(const std::string& id, const std::string& exec_id, const Error& error) override;
  void release(const container_shim::ContainerFiles& container, const Call& call) override;

  [[nodiscard]] std::vector<std::string> command(const std::string& directory) const;

  std::string program_;  ///< As configured: a path, or a name to look for in PATH.
  std::vector<std::string> arguments_;
  std::string shim_program_;
  std::uint32_t time_limit_ = 0;     ///< Seconds; 0: none.
  std::vector<std::string> hidden_;  ///< Mounts that the runtime must not see.
};

}  // namespace gantry::oci
