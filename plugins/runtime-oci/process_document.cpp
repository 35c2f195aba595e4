#include "process_document.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "container_shim/capabilities.hpp"
#include "container_shim/spec_translation.hpp"

namespace gantry::oci {

namespace {

using Json = nlohmann::json;
using container_shim::PlanDocument;
using container_shim::PlanProcess;
using runtime::v1::Process;

/// As execve(2) has it: who is not root has no more than the bounding set, and what is ambient.
Json rights(const std::vector<std::string>& capabilities, const std::vector<std::string>& ambient, bool root) {
  Json out{{"bounding", capabilities}};
  if (root) {
    out["permitted"] = out["effective"] = capabilities;
  } else if (!ambient.empty()) {
    out["permitted"] = out["effective"] = ambient;
  }
  if (!ambient.empty()) out["inheritable"] = out["ambient"] = ambient;
  return out;
}

Json members(const Process& process, const PlanProcess& plan, const std::vector<std::string>& args) {
  Json out{{"args", args}, {"cwd", plan.cwd}, {"terminal", plan.terminal}, {"noNewPrivileges", plan.no_new_privileges}};
  if (plan.rows != 0 && plan.columns != 0) out["consoleSize"] = {{"height", plan.rows}, {"width", plan.columns}};
  for (const auto& limit : plan.rlimits) {
    out["rlimits"].push_back({{"type", "RLIMIT_" + container_shim::rlimit_name(limit.resource)},
                              {"soft", limit.soft},
                              {"hard", limit.hard}});
  }
  if (process.oom_score_adj) out["oomScoreAdj"] = *process.oom_score_adj;
  if (!process.apparmor_profile.empty()) out["apparmorProfile"] = process.apparmor_profile;
  if (!process.selinux_label.empty()) out["selinuxLabel"] = process.selinux_label;
  return out;
}

/// Those that there are for the daemon: with another one a runtime fails where execve(2) would give less.
std::vector<std::string> available(std::uint64_t capabilities) {
  return container_shim::capability_names(capabilities & container_shim::bounding_capabilities());
}

PlanDocument document(const Process& process, const PlanProcess& plan, const std::vector<std::string>& args,
                      const std::vector<std::string>& capabilities) {
  const std::vector<std::string> ambient = available(plan.ambient);
  PlanDocument out;
  const std::string environment = to_text(Json(process.env));
  const auto is_home = [](const std::string& variable) { return variable.starts_with("HOME="); };
  out.wants_home = std::none_of(process.env.begin(), process.env.end(), is_home);
  out.head = "{\"env\":" + environment.substr(0, environment.size() - 1);
  if (out.wants_home && !process.env.empty()) out.head += ",";
  const std::string others = to_text(members(process, plan, args));
  out.middle = "]," + others.substr(1, others.size() - 2) + ",\"capabilities\":";
  out.root_rights = to_text(rights(capabilities, ambient, true));
  out.user_rights = to_text(rights(capabilities, ambient, false));
  out.tail = "}";
  return out;
}

}  // namespace

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

PlanDocument process_document(const Process& process, const PlanProcess& plan, const std::vector<std::string>& args) {
  return document(process, plan, args, available(plan.capabilities));
}

PlanDocument exec_document(const Process& process, const PlanProcess& plan, bool privileged) {
  return document(process, plan, process.args,
                  available(privileged ? container_shim::all_capabilities()
                                       : container_shim::capability_set(process.capabilities)));
}

}  // namespace gantry::oci
