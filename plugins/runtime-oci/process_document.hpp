#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/runtime.hpp"

namespace gantry::oci {

/// "process" of a bundle's config.json, in the parts around what only the container's own files tell: user and home.
/// `args`: what to run, with an init in front of it perhaps. `plan`: the same, translated.
container_shim::PlanDocument process_document(const runtime::v1::Process& process,
                                              const container_shim::PlanProcess& plan,
                                              const std::vector<std::string>& args);

/// The document that `exec --process` takes.
container_shim::PlanDocument exec_document(const runtime::v1::Process& process, const container_shim::PlanProcess& plan,
                                           bool privileged);

/// As JSON; bytes that are no UTF-8 become U+FFFD.
std::string to_text(const nlohmann::json& json);

}  // namespace gantry::oci
