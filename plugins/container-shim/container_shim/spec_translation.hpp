#pragma once

#include "container_shim/cgroup_layout.hpp"
#include "container_shim/plan.hpp"
#include "gantry/runtime.hpp"

namespace gantry::container_shim {

/// What the driver knows beside the specification.
struct TranslationContext {
  const CgroupLayout& layout;
  std::string directory;      ///< The shim's.
  std::string cgroup_parent;  ///< Normalized.
  const std::vector<runtime::v1::Rlimit>& default_rlimits;
};

/// Everything of the plan but the seccomp filter. Errors: invalid, naming the field.
Plan translate_spec(const runtime::v1::Spec& spec, const TranslationContext& context);

PlanProcess translate_process(const runtime::v1::Process& process,
                              const std::vector<runtime::v1::Rlimit>& default_rlimits);

/// "NOFILE" for RLIMIT_NOFILE.
std::string rlimit_name(int resource);

/// "nofile=1024:2048". Errors: invalid.
runtime::v1::Rlimit parse_ulimit(const std::string& text);

}  // namespace gantry::container_shim
