#include "local_driver.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <utility>

#include "gantry/unique_fd.hpp"
#include "host_mount.hpp"
#include "layer_archive/tree.hpp"
#include "system_error.hpp"

namespace gantry::local {
namespace {

constexpr std::uint32_t kFirstProject = 0x67100000;  // of a million numbers that are this driver's

/// The volume's own, which holds "_data".
std::string folder_of(const std::string& data) { return std::filesystem::path(data).parent_path(); }

}  // namespace

using project_quota::ProjectQuota;
using volume::v1::Usage;
using volume::v1::Volume;

// An option that there is not is refused in dockerd's words.
void LocalDriver::capabilities(Capabilities& out) const { out = {"any-options"}; }

void LocalDriver::options(std::vector<OptionInfo>& out) const {
  const auto object = OptionScope::object;
  out = {
      {"type", OptionType::text, object, "", "filesystem of the mount: none (with o=bind), tmpfs, nfs, ..."},
      {"device", OptionType::text, object, "", "what is mounted: a directory, a device, :/export of a server"},
      {"o", OptionType::text, object, "", "options of the mount, as mount(8) takes them: bind, ro, addr=SERVER, ..."},
      {"size", OptionType::size, object, "",
       "limit of what the volume takes up: needs a filesystem with project quotas"}};
}

void LocalDriver::open(Host& host) {
  store_ = std::make_unique<VolumeStore>(host.data_dir(), host.exec_dir());
  quota_ = std::make_unique<project_quota::ProjectQuota>(host.data_dir(), kFirstProject);
}

void LocalDriver::set_limit(const std::string& data, const Options& options) {
  const auto size = options.find("size");
  if (size == options.end()) return;
  quota_->limit(data, project_quota::parse_size(size->second));
  // Remembered where no container can write another's number.
  ProjectQuota::note(folder_of(data), ProjectQuota::project_of(data));
}

void LocalDriver::create(const std::string& name, const Options& options, Volume& out, const Call& call) {
  check_options(options);
  if (!store_->contains(name)) {
    if (options.contains("size") && !quota_->enforced()) {
      throw Error{Errc::invalid, "quota size requested but no quota support"};
    }
    store_->add(name, options, [&](const std::string& data) { set_limit(data, options); });
  } else if (store_->options(name) != options) {
    throw Error{Errc::conflict, "the volume " + name + " exists with other options"};
  }
  inspect(name, out, call);
}

void LocalDriver::remove(const std::string& name, const Call& /*call*/) {
  // Else what is mounted there would be removed with the volume.
  unmount_from(store_->data(name));
  const std::uint32_t project = ProjectQuota::project_of(folder_of(store_->data(name)));
  store_->remove(name);
  quota_->forget(project);
}

void LocalDriver::inspect(const std::string& name, Volume& out, const Call& /*call*/) {
  static_cast<void>(store_->options(name));
  out.name = name;
  out.mountpoint = store_->data(name);
}

void LocalDriver::mount(const std::string& name, const std::string& user, Mount& out, const Call& /*call*/) {
  const Options options = store_->options(name);
  if (needs_mount(options)) mount_for(name, options, user);
  out = {"bind", store_->data(name), "", "", {"rbind"}};
  if (shows_host_directory(options)) out.options.emplace_back(kHostIdsOption);
}

// The user is on record before anything is mounted: after a crash in between a mount has a user who gives it back.
void LocalDriver::mount_for(const std::string& name, const Options& options, const std::string& user) {
  const std::set<std::string> before = store_->users(name);
  std::set<std::string> users = before;
  users.insert(user);
  store_->set_users(name, users);
  if (is_mounted(store_->data(name))) return;
  try {
    mount_on(store_->data(name), options);
  } catch (...) {
    store_->set_users(name, before);
    throw;
  }
}

void LocalDriver::unmount(const std::string& name, const std::string& user, const Call& /*call*/) {
  if (!store_->contains(name) || !needs_mount(store_->options(name))) return;
  std::set<std::string> users = store_->users(name);
  users.erase(user);
  // Unmounted first: after a crash in between the user is still on record, and the call is repeated.
  if (users.empty()) unmount_from(store_->data(name));
  store_->set_users(name, users);
}

void LocalDriver::usage(const std::string& name, Usage& out, const Call& call) {
  static_cast<void>(store_->options(name));
  out.size = layer_archive::measure(AT_FDCWD, store_->data(name), call).bytes;
}

void* LocalDriver::query(std::string_view ability) noexcept {
  return ability == volume::v1::kCopier ? static_cast<volume::v1::Copier*>(this) : nullptr;
}

void LocalDriver::clone(const std::string& from, const std::string& to, Volume& out, const Call& call) {
  const Options options = store_->options(from);
  if (needs_mount(options)) {
    throw Error{Errc::unsupported,
                "volume " + from + " is mounted from elsewhere: its data is not the driver's to copy"};
  }
  if (store_->contains(to)) throw Error{Errc::conflict, "the volume " + to + " exists"};
  const UniqueFd source{::open(store_->data(from).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!source) throw_errno("cannot open volume " + from);
  store_->add(to, options, [&](const std::string& data) {
    const UniqueFd target{::open(data.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!target) throw_errno("cannot open volume " + to);
    set_limit(data, options);
    layer_archive::copy_tree(source.get(), target.get(), call);
  });
  inspect(to, out, call);
}

void LocalDriver::rename(const std::string& from, const std::string& to, Volume& out, const Call& call) {
  if (store_->contains(from)) unmount_from(store_->data(from));
  store_->rename(from, to);
  inspect(to, out, call);
}

void LocalDriver::list(std::vector<std::string>& out, const Call& /*call*/) { out = store_->list(); }

}  // namespace gantry::local
