#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "copy_files.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"
#include "lent_files.hpp"
#include "sha256.hpp"
#include "stage_build.hpp"
#include "text.hpp"

namespace gantry::dockerfile {

using builder::v1::ContainerSpec;
using builder::v1::Step;

/// What RUN --mount asks for, ready to be bound.
struct StageBuild::MountPlan {
  std::vector<Mount> mounts;
  std::vector<CacheMounts::Use> caches;
  std::unique_ptr<WorkDirectory> copies;
  std::unique_ptr<LentFiles> lent;
  std::vector<std::string> secret_env;
  int agents = 0;
};

namespace {

/// The process of a RUN: a here-document alone is a script, one behind a command is its input.
std::vector<std::string> process_of(const Run& run, const std::vector<std::string>& shell) {
  if (!run.command.shell) return run.command.words;
  std::string script = run.command.words.empty() ? std::string{} : run.command.words.front();
  const bool alone = run.heredocs.size() == 1 && split_blanks(script).size() == 1 && script.starts_with("<<");
  if (alone) {
    script = run.heredocs.front().content;
  } else {
    for (const Heredoc& heredoc : run.heredocs) script += "\n" + heredoc.content + heredoc.name;
  }
  std::vector<std::string> out = shell;
  out.push_back(script);
  return out;
}

std::uint32_t number(const std::string& text, int base, std::uint32_t otherwise, const char* what) {
  if (text.empty()) return otherwise;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  throw Error{Errc::invalid, std::string{"invalid "} + what + " of a mount: " + text};
}

}  // namespace

/// The tree that a mount's source is in.
struct StageBuild::MountOrigin {
  std::unique_ptr<ScopedTree> stage;
  std::unique_ptr<Tree> stage_tree;
  const Tree* tree{};
  std::string path;  ///< Of the source in it, links followed.
  bool is_directory{};
};

StageBuild::MountOrigin StageBuild::origin_of(const RunMount& mount) {
  MountOrigin origin;
  origin.tree = &context_.tree();
  if (const NamedContext* named = context_.named(mount.from, tools_.fetcher, call_)) {
    origin.tree = named->tree.get();
  } else if (!mount.from.empty()) {
    origin.stage = std::make_unique<ScopedTree>(session_, image_of(mount.from));
    origin.stage_tree = std::make_unique<Tree>(origin.stage->root());
    origin.tree = origin.stage_tree.get();
  }
  const std::string source = clean_in_root(mount.source);
  struct stat status {};
  if (!origin.tree->resolve(source, origin.path, status)) {
    throw Error{Errc::invalid, "failed to calculate checksum of \"/" + source + "\": not found"};
  }
  origin.is_directory = S_ISDIR(status.st_mode);
  return origin;
}

std::string StageBuild::telling_of(const RunMount& mount) {
  if (mount.type != "bind" && (mount.type != "cache" || mount.from.empty())) return {};
  if (const NamedContext* named = context_.named(mount.from, tools_.fetcher, call_)) {
    return named->hash->of(clean_in_root(mount.source), IgnorePatterns{{}}) + " ";
  }
  if (!mount.from.empty()) return image_of(mount.from) + " ";
  return context_.hash().of(clean_in_root(mount.source), IgnorePatterns{{}}) + " ";
}

void StageBuild::plan_bind(const RunMount& mount, MountPlan& plan) {
  if (plan.copies == nullptr) {
    plan.copies = std::make_unique<WorkDirectory>(context_.work().path());
  }
  const std::string place = plan.copies->make(std::to_string(plan.mounts.size()));
  const UniqueFd root = open_directory(place);
  const CopyOptions options;
  const MountOrigin from = origin_of(mount);
  // A copy: whatever the step writes is gone with it, and nothing leads out of it.
  copy_into(*from.tree, from.path, Tree{root.get()}, from.is_directory ? "/" : "/file", options, call_);
  std::vector<std::string> how{"rbind", "rprivate"};
  if (mount.read_only.value_or(true)) how.emplace_back("ro");
  plan.mounts.push_back({"bind", from.is_directory ? place : place + "/file", mount.target, "", how});
}

/// What is lent lies in memory, and only for as long as the step takes.
LentFiles& StageBuild::lent_files(MountPlan& plan) {
  if (plan.lent == nullptr) plan.lent = std::make_unique<LentFiles>(tools_.lent_root);
  return *plan.lent;
}

void StageBuild::plan_secret(const RunMount& mount, MountPlan& plan) {
  const std::string id = mount.id.empty() ? mount.target.substr(mount.target.rfind('/') + 1) : mount.id;
  auto* loans = static_cast<builder::v1::Loans*>(session_.query(builder::v1::Loans::kService));
  std::string content;
  if (loans == nullptr || !loans->secret(id, content)) {
    if (!mount.required) return;
    throw Error{Errc::invalid, "secret " + id + ": not found"};
  }
  if (!mount.env.empty()) {
    if (content.find('\0') != std::string::npos) {
      throw Error{Errc::invalid, "secret " + id + " holds a zero byte: it cannot be a variable"};
    }
    plan.secret_env.push_back(mount.env + "=" + content);
    if (mount.target.empty()) return;
  }
  const FileAttributes attributes{number(mount.mode, 8, 0400, "mode"), number(mount.uid, 10, 0, "uid"),
                                  number(mount.gid, 10, 0, "gid")};
  const std::string place = lent_files(plan).write(content, attributes);
  const std::string target = mount.target.empty() ? "/run/secrets/" + id.substr(id.rfind('/') + 1) : mount.target;
  plan.mounts.push_back({"bind", place, target, "", {"rbind", "rprivate", "ro"}});
}

void StageBuild::plan_agent(const RunMount& mount, MountPlan& plan) {
  const std::string id = mount.id.empty() ? "default" : mount.id;
  auto* loans = static_cast<builder::v1::Loans*>(session_.query(builder::v1::Loans::kService));
  const FileAttributes attributes{number(mount.mode, 8, 0600, "mode"), number(mount.uid, 10, 0, "uid"),
                                  number(mount.gid, 10, 0, "gid")};
  std::string place;
  const bool served = loans != nullptr && [&] {
    int listener = -1;
    place = lent_files(plan).listen(attributes, listener);
    return loans->serve_agent(id, listener);
  }();
  if (!served) {
    if (!mount.required) return;
    throw Error{Errc::invalid, "no SSH key " + quote(id) + " forwarded from the client"};
  }
  const std::string target =
      mount.target.empty() ? "/run/buildkit/ssh_agent." + std::to_string(plan.agents) : mount.target;
  if (plan.agents++ == 0) plan.secret_env.push_back("SSH_AUTH_SOCK=" + target);
  plan.mounts.push_back({"bind", place, target, "", {"rbind", "rprivate"}});
}

RunMount StageBuild::expanded_mount(const RunMount& raw) const {
  RunMount mount = raw;
  for (std::string* text : {&mount.target, &mount.source, &mount.from, &mount.id}) *text = expanded(*text);
  const std::string directory = state_.config.working_dir.empty() ? "/" : state_.config.working_dir;
  if (!mount.target.empty()) mount.target = absolute_path(mount.target, directory);
  if (mount.target.size() > 1 && mount.target.ends_with('/')) mount.target.pop_back();
  if (mount.target == "/") throw Error{Errc::invalid, "invalid mount target \"/\""};
  return mount;
}

/// What fills a new cache is its own: as in BuildKit, there is another one for each of them.
std::string StageBuild::cache_id(const RunMount& mount) {
  const std::string id = mount.id.empty() ? mount.target : mount.id;
  return mount.from.empty() ? id : id + " from " + telling_of(mount) + clean_in_root(mount.source);
}

void StageBuild::begin_cache(const RunMount& mount, const std::string& path) {
  const UniqueFd root = open_directory(path);
  if (!mount.from.empty()) {
    const MountOrigin from = origin_of(mount);
    if (!from.is_directory) throw Error{Errc::invalid, "a cache is filled from a directory, not from " + mount.source};
    try {
      copy_into(*from.tree, from.path, Tree{root.get()}, "/", CopyOptions{}, call_);
    } catch (...) {
      // Half of it would be taken for the cache that it is to be.
      for (const std::string& name : layer_archive::Directory::open(root.get(), ".").sorted_names()) {
        layer_archive::remove_tree(root.get(), name);
      }
      throw;
    }
  }
  if (::fchown(root.get(), number(mount.uid, 10, 0, "uid"), number(mount.gid, 10, 0, "gid")) != 0 ||
      ::fchmod(root.get(), number(mount.mode, 8, 0755, "mode")) != 0) {
    layer_archive::throw_errno("cannot make the cache for " + mount.target);
  }
}

void StageBuild::plan_cache(const RunMount& mount, MountPlan& plan) {
  plan.caches.push_back(tools_.cache_mounts.take(cache_id(mount), mount.sharing, call_));
  const CacheMounts::Use& cache = plan.caches.back();
  {
    const std::lock_guard lock{tools_.cache_mounts.beginnings()};
    if (cache.is_new()) begin_cache(mount, cache.path());
  }
  std::vector<std::string> how{"rbind", "rprivate"};
  if (mount.read_only.value_or(false)) how.emplace_back("ro");
  plan.mounts.push_back({"bind", cache.path(), mount.target, "", how});
}

void StageBuild::plan_mount(const RunMount& mount, MountPlan& plan) {
  if (mount.type == "bind") return plan_bind(mount, plan);
  if (mount.type == "cache") return plan_cache(mount, plan);
  if (mount.type == "secret") return plan_secret(mount, plan);
  if (mount.type == "ssh") return plan_agent(mount, plan);
  Mount tmpfs{"tmpfs", "tmpfs", mount.target, "", {"nosuid", "nodev"}};
  if (!mount.size.empty()) tmpfs.options.push_back("size=" + mount.size);
  plan.mounts.push_back(std::move(tmpfs));
}

std::vector<std::string> StageBuild::devices_of(const Run& run) const {
  auto* service = static_cast<builder::v1::Devices*>(session_.query(builder::v1::Devices::kService));
  std::vector<std::string> known;
  if (service != nullptr && !run.devices.empty()) service->known(known);
  std::vector<std::string> out;
  for (const RunDevice& device : run.devices) {
    const std::string name = expanded(device.name);
    const bool all = name.find('=') == std::string::npos || name.ends_with("=*");
    const std::string start = all ? name.substr(0, name.find('=')) + "=" : name;
    bool found = false;
    for (const std::string& other : known) {
      if (all ? !other.starts_with(start) : other != name) continue;
      found = true;
      if (std::find(out.begin(), out.end(), other) == out.end()) out.push_back(other);
    }
    if (found) continue;
    if (device.required) {
      throw Error{Errc::invalid, "required device " + quote(name) +
                                     " is not available: no CDI file of this host (/etc/cdi, /var/run/cdi) has it"};
    }
    say("[Warning] the device " + quote(name) + " is not available, and not required\n");
  }
  return out;
}

std::string StageBuild::create_container(const ContainerSpec& spec, const Run& run) {
  const std::vector<std::string> devices = devices_of(run);
  if (devices.empty()) return session_.create_container(spec);
  auto* service = static_cast<builder::v1::Devices*>(session_.query(builder::v1::Devices::kService));
  return service->create_with(spec, devices);
}

int StageBuild::run_command(const std::string& container) {
  auto* steps = static_cast<builder::v1::Steps*>(session_.query(builder::v1::Steps::kService));
  if (steps == nullptr) return session_.run(container);
  schedule_.set_running(stage_, container);
  const OnExit over{[this] { schedule_.set_running(stage_, ""); }};
  const int code = steps->run(container, voice_);
  if (schedule_.stopped(stage_)) throw Error{Errc::cancelled, "another stage has failed"};
  return code;
}

void StageBuild::step(const Run& run) {
  const bool was_here = context_.is_here();
  const std::vector<std::string> process = process_of(run, shell());
  const std::vector<std::string> arguments = arguments_.allowed(env_);
  std::vector<RunMount> mounts;
  for (const RunMount& raw : run.mounts) mounts.push_back(expanded_mount(raw));
  std::string created_by = join(process, " ");
  if (!arguments.empty()) {
    const std::vector<std::string> telling = arguments_.telling(arguments);
    const std::string values = telling.empty() ? "" : join(telling, " ") + " ";
    created_by = "|" + std::to_string(telling.size()) + " " + values + created_by;
  }
  spend(created_by.size());
  std::string telling;
  for (const RunMount& mount : mounts) telling += telling_of(mount);
  // What dockerd's classic builder does not have: told behind the command, as a comment.
  const bool insecure = run.security == "insecure";
  if (insecure && !request_.insecure) {
    throw Error{Errc::denied,
                "granting entitlement security.insecure is not allowed by the client: use --allow security.insecure"};
  }
  if (insecure) created_by += " #(security) insecure";
  for (const RunDevice& device : run.devices) {
    created_by += " #(device) " + expanded(device.name) + (device.required ? " required" : "");
  }
  if (!run.network.empty()) created_by += " #(network) " + run.network;
  if (!run.mounts.empty()) created_by += " #(mounts) " + sha256_hex(run.mounts_text + "\n" + telling);
  trace(run, process, arguments, mounts);
  Step step = make_step(created_by);
  if (take_cached(step)) return;
  const bool wants_context = std::any_of(
      mounts.begin(), mounts.end(), [](const RunMount& mount) { return mount.type == "bind" && mount.from.empty(); });
  if (wants_context && !was_here) {
    context_.bring(call_);
    return this->step(run);
  }

  MountPlan plan;
  for (const RunMount& mount : mounts) plan_mount(mount, plan);
  ContainerSpec spec;
  spec.image = state_.image;
  spec.config = state_.config;
  spec.config.entrypoint.clear();
  spec.config.cmd = process;
  spec.config.health_check.reset();
  spec.config.env.insert(spec.config.env.end(), arguments.begin(), arguments.end());
  spec.mounts = plan.mounts;
  spec.network = run.network;
  spec.secret_env = plan.secret_env;
  spec.privileged = insecure;
  const std::string container = create_container(spec, run);
  const auto remove = [&](bool wanted) {
    if (wanted) session_.remove_container(container);
  };
  try {
    say(" ---> Running in " + short_id(container) + "\n");
    const int code = run_command(container);
    if (code != 0) {
      throw Error{Errc::invalid,
                  "The command '" + join(process, " ") + "' returned a non-zero code: " + std::to_string(code)};
    }
    step.top = container;
    commit(std::move(step));
  } catch (...) {
    // Of a command that ran in vain there is nothing to look at.
    remove(request_.force_remove || schedule_.stopped(stage_));
    throw;
  }
  remove(request_.remove || request_.force_remove);
  if (request_.remove || request_.force_remove) show_removed(container);
}

}  // namespace gantry::dockerfile
