#include "driver.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include "bundle.hpp"
#include "container_shim/protocol.hpp"
#include "process_document.hpp"
#include "runtime_log.hpp"
#include "runtime_program.hpp"
#include "submounts.hpp"

namespace gantry::oci {

namespace {

using container_shim::ContainerFiles;
using container_shim::ExecPlan;
using container_shim::Plan;

namespace fs = std::filesystem;

/// The v2 hierarchy of a host that has its controllers on v1: crun refuses such a mixture, and no controller that a
/// container is limited by is on it.
std::vector<std::string> unused_hierarchies(const container_shim::CgroupLayout& layout) {
  std::vector<std::string> mounts;
  if (!layout.has_v1()) return mounts;
  for (const auto& hierarchy : layout.hierarchies) {
    if (hierarchy.unified) mounts.push_back(hierarchy.mount);
  }
  return mounts;
}

/// The command, if it is what the root itself has there.
std::string program_of_root(const runtime::v1::Spec& spec) {
  if (spec.process.args.empty() || !spec.init_path.empty()) return {};
  const std::string& program = spec.process.args.front();
  const bool covered = std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const Mount& mount) {
    return program == mount.target || program.starts_with(mount.target + "/");
  });
  return program.starts_with('/') && !covered ? program : std::string();
}

}  // namespace

void Driver::capabilities(Capabilities& out) const {
  ShimDriver::capabilities(out);
  out.insert(out.end(), {"user-namespace", "idmap"});
}

void Driver::options(std::vector<OptionInfo>& out) const {
  ShimDriver::options(out);
  out.push_back({"path", OptionType::text, OptionScope::driver, "crun",
                 "The OCI runtime: an absolute path, or a name to look for in PATH"});
  out.push_back({"arguments", OptionType::list, OptionScope::driver, "",
                 "What the OCI runtime is given before its command, as --debug"});
  out.push_back({"time-limit", OptionType::integer, OptionScope::driver, "120",
                 "Seconds after which a run of the OCI runtime that has not ended is given up; 0: never"});
}

void Driver::open(Host& host) {
  ShimDriver::open(host);
  const Options& given = host.options();
  if (const auto path = given.find("path"); path != given.end()) program_ = path->second;
  if (program_.empty()) program_ = "crun";
  if (const auto list = given.find("arguments"); list != given.end()) {
    std::istringstream items(list->second);
    for (std::string item; std::getline(items, item, ',');) arguments_.push_back(item);
  }
  if (const auto limit = given.find("time-limit"); limit != given.end()) {
    time_limit_ = static_cast<std::uint32_t>(std::strtoul(limit->second.c_str(), nullptr, 10));
  }
  hidden_ = unused_hierarchies(container_shim::find_cgroup_layout());
  shim_program_ = host.libexec_dir() + "/gantry-shim";
  // As with dockerd, a daemon whose other runtimes are well starts; containers of this one say the same.
  if (find_runtime(program_).empty()) host.log(LogLevel::warning, missing_runtime(program_));
}

/// The runtime with its global arguments; its state and log are in the container's directory.
std::vector<std::string> Driver::command(const std::string& directory) const {
  const std::string path = find_runtime(program_);
  if (path.empty()) throw Error{Errc::unavailable, missing_runtime(program_)};
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  words.insert(words.end(), {"--root", directory + "/" + container_shim::kOciStateDirectory, "--log-format", "json"});
  return words;
}

int Driver::init_program(const runtime::v1::Spec& /*spec*/) { return -1; }

Plan Driver::plan(const runtime::v1::Spec& spec, const container_shim::TranslationContext& context) {
  Plan plan = translate_spec(spec, context);
  const std::string init = spec.init_path == "builtin" ? shim_program_ : spec.init_path;
  Bundle bundle = make_bundle(spec, plan, {context.directory, context.cgroup_parent, init, visible_submounts});
  plan.init = container_shim::InitKind::none;
  plan.mounts = std::move(bundle.prepared);
  plan.sysctls = std::move(bundle.late_sysctls);
  plan.oci = {command(context.directory), std::move(bundle.config), hidden_, program_of_root(spec), time_limit_};
  if (!hidden_.empty()) std::erase_if(plan.cgroups, [](const auto& cgroup) { return cgroup.unified; });
  return plan;
}

ExecPlan Driver::plan_exec(const std::string& /*id*/, const runtime::v1::ExecSpec& spec) {
  ExecPlan plan;
  plan.process = container_shim::translate_process(spec.process, default_rlimits());
  plan.document = exec_document(spec.process, plan.process, spec.privileged);
  return plan;
}

Error Driver::explain(const std::string& id, const std::string& exec_id, const Error& error) {
  const std::string log = files(id).directory() + "/" + container_shim::oci_file(exec_id, "log");
  Error told = runtime_error(error, exec_id.empty() ? "create" : "exec", log);
  std::error_code gone;
  if (!exec_id.empty()) fs::remove(log, gone);
  return told;
}

void Driver::release(const ContainerFiles& container, const Call& call) {
  const fs::path directory = container.directory();
  const fs::path state = directory / container_shim::kOciStateDirectory;
  std::error_code gone;
  if (fs::exists(state, gone)) {
    try {
      delete_container({shim_program_, hidden_, time_limit_}, command(directory), directory.filename());
    } catch (const Error& error) {
      // Its processes and cgroups are gone: what it kept is all in this directory.
      call.log(LogLevel::warning, error.what());
    }
  }
  fs::remove_all(state, gone);
  fs::remove_all(directory / container_shim::kOciMountsDirectory, gone);
}

}  // namespace gantry::oci
