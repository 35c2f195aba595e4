#include "driver.hpp"

#include <utility>

#include "container_shim/capabilities.hpp"
#include "container_shim/shim_program.hpp"

namespace gantry::native {

using container_shim::ExecPlan;
using container_shim::Plan;

void Driver::capabilities(Capabilities& out) const {
  ShimDriver::capabilities(out);
  out.insert(out.end(), {"user-namespace", "idmap"});
}

void Driver::open(Host& host) {
  ShimDriver::open(host);
  seccomp_.warm_up();
}

int Driver::init_program(const runtime::v1::Spec& spec) {
  if (spec.init_path.empty() || spec.init_path == "builtin") return -1;
  const std::lock_guard lock(mutex_);
  UniqueFd& program = init_programs_[spec.init_path];
  if (!program) program = container_shim::load_sealed(spec.init_path);
  return program.get();
}

Plan Driver::plan(const runtime::v1::Spec& spec, const container_shim::TranslationContext& context) {
  Plan plan = translate_spec(spec, context);
  plan.seccomp = seccomp_.filter(spec.seccomp, plan.process.capabilities);
  return plan;
}

ExecPlan Driver::plan_exec(const std::string& /*id*/, const runtime::v1::ExecSpec& spec) {
  ExecPlan plan;
  plan.process = container_shim::translate_process(spec.process, default_rlimits());
  if (spec.privileged) plan.process.capabilities = container_shim::all_capabilities();
  return plan;
}

}  // namespace gantry::native
