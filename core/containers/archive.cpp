#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include <algorithm>
#include <optional>

#include "base/file.hpp"
#include "base/mounted_tree.hpp"
#include "base/root_path.hpp"
#include "containers/container_user.hpp"
#include "containers/defaults.hpp"
#include "containers/failure.hpp"
#include "containers/impl.hpp"
#include "containers/init_process.hpp"
#include "containers/mount_points.hpp"
#include "containers/tree_archive.hpp"
#include "containers/tree_extract.hpp"
#include "containers/user_namespace.hpp"
#include "images/stream_bridge.hpp"

/// Files into and out of a container, whether it runs or not.
namespace gantry::containers {

namespace {

struct ProcessTree {
  UniqueFd root;
  TreeIds ids;
};

ProcessTree tree_of_process(std::int64_t pid, std::uint64_t start_time) {
  const UniqueFd process = open_init(pid, start_time);
  if (!process) return {};
  UniqueFd root{::openat(process.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  const std::string place = "/proc/self/fd/" + std::to_string(process.get());
  try {
    TreeIds ids = TreeIds::of_maps(read_file(place + "/uid_map"), read_file(place + "/gid_map"));
    return {std::move(root), std::move(ids)};
  } catch (const Error&) {
    return {};  // it has ended
  }
}

[[noreturn]] void refuse_missing(const Error& error, const std::string& container) {
  if (error.code() != Errc::not_found) throw error;
  throw Error{Errc::not_found, "Could not find the file " + std::string(error.what()) + " in container " + container};
}

// As dockerd: the innermost of the container's mounts decides, else its root.
void check_writable(const Container& container, const std::string& path) {
  const MountPoint* innermost = nullptr;
  for (const MountPoint& place : container.mounts) {
    // A --tmpfs is no mount in dockerd's eyes. While it is mounted it can be written to nonetheless.
    if (place.type == "tmpfs" && !place.from_mounts && !is_alive(container.state)) continue;
    const bool inside = path == place.destination || path.starts_with(place.destination + "/");
    if (inside && (innermost == nullptr || place.destination.size() > innermost->destination.size()))
      innermost = &place;
  }
  if (innermost != nullptr && !innermost->writable) throw Error{Errc::io, "mounted volume is marked read-only"};
  if (innermost == nullptr && container.host_config.readonly_rootfs) {
    throw Error{Errc::io, "container rootfs is marked read-only"};
  }
}

// Whether a directory shows what the kernel shows to the container's processes. Blocks.
bool is_kernels(const Container& container, int root, const std::string& folder) {
  const UniqueFd there = open_in_root(root, folder, O_PATH | O_DIRECTORY);
  struct statfs filesystem {};
  if (!there || ::fstatfs(there.get(), &filesystem) != 0) return false;
  const std::string real = resolve_in_root(root, folder) + "/";
  const auto type = static_cast<std::uint64_t>(filesystem.f_type);
  const bool of_devices = type == TMPFS_MAGIC && (real == "/dev/");
  const bool of_kernel = type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC || type == CGROUP_SUPER_MAGIC ||
                         type == CGROUP2_SUPER_MAGIC || of_devices;
  const auto covers = [&](const MountPoint& place) { return real.starts_with(place.destination + "/"); };
  return of_kernel && std::none_of(container.mounts.begin(), container.mounts.end(), covers);
}

// As dockerd, which shows the container's own files: not those of the kernel, nor, where a link leads there, all of
// its directory.
void refuse_kernels(const Container& container, int root, const std::string& path) {
  std::string plain = path.ends_with("/.") ? path.substr(0, path.size() - 1) : path;
  while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  const std::string folder = plain.substr(0, std::max<std::size_t>(plain.rfind('/'), 1));
  if (is_kernels(container, root, folder) || is_kernels(container, root, plain)) throw Error{Errc::not_found, path};
}

// The directory that an archive goes to, without links. Blocks.
std::string destination_in(int root, const std::string& path) {
  const UniqueFd place = open_in_root(root, path, O_PATH);
  if (!place) throw_path_errno(path);
  if (!open_in_root(root, path, O_PATH | O_DIRECTORY)) throw Error{Errc::io, "extraction point is not a directory"};
  return resolve_in_root(root, path);
}

// What a start has mounted over the files of the same name, which are empty below.
void add_sandbox_files(const Container& container, const std::string& folder, std::vector<Mount>& places) {
  if (joins_container(container.host_config.network_mode)) return;
  for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
    const std::string target = std::string("/etc/") + name;
    const auto covers = [&](const MountPoint& place) { return place.destination == target; };
    if (std::any_of(container.mounts.begin(), container.mounts.end(), covers)) continue;
    Mount mount{"bind", folder + "/" + name, target, "", {"bind"}};
    if (container.host_config.readonly_rootfs) mount.options.emplace_back("ro");
    places.push_back(std::move(mount));
  }
}

}  // namespace

awaitable<std::vector<Mount>> Service::Impl::tree_mounts(std::string id) {
  plugins::CallSettings call_settings;
  const auto ask_mounts = [id](auto& driver, const Call& call) {
    std::vector<Mount> mounts;
    driver.mounts(id, mounts, call);
    return mounts;
  };
  co_return co_await at.drivers.call(at.drivers.storage(), Pool::quick, call_settings, ask_mounts);
}

awaitable<std::vector<Mount>> Service::Impl::acquire_places(std::shared_ptr<const Container> container,
                                                            std::set<std::string>* with_host_ids) {
  std::vector<Mount> places;
  for (const MountPoint& place : container->mounts) {
    if (place.type == "tmpfs" || place.type == "image") continue;  // only there while it runs
    Mount mount{"bind", place.source, place.destination, "", {place.non_recursive ? "bind" : "rbind"}};
    if (place.type == "volume") {
      auto attributes = mount_attributes(place);
      mount = co_await at.volumes.acquire(place.name, container->id, std::move(attributes));
    }
    mount.target = place.destination;
    if (std::erase(mount.options, std::string(kHostIdsOption)) != 0) with_host_ids->insert(place.destination);
    if (place.type == "bind" && !place.id_map) with_host_ids->insert(place.destination);
    if (!place.subpath.empty()) mount.options.push_back(std::string(kSubpathOption) + place.subpath);
    if (!place.writable) mount.options.emplace_back("ro");
    places.push_back(std::move(mount));
  }
  if (container->sandboxed) add_sandbox_files(*container, folder(container->id), places);
  co_return places;
}

// Only some of what is mounted over the root has the host's ids on disk.
awaitable<TreeIds> Service::Impl::stopped_tree_ids(std::shared_ptr<const Container> container, int root,
                                                   std::set<std::string> with_host_ids) {
  if (!is_remapped(container->host_config, settings)) co_return TreeIds{};
  const auto look = [&] {
    std::set<std::uint64_t> own{mount_id_of(root)};
    for (const MountPoint& place : container->mounts) {
      if (with_host_ids.contains(place.destination)) continue;
      const UniqueFd there = open_in_root(root, place.destination, O_PATH);
      if (there) own.insert(mount_id_of(there.get()));
    }
    return own;
  };
  auto own = co_await at.workers.run(Pool::quick, look);
  co_return TreeIds{settings.uid_map, settings.gid_map, std::move(own)};
}

// Called with the container held: two mounts of one writable top at a time would damage it.
awaitable<void> Service::Impl::use_stopped_tree(std::shared_ptr<const Container> container, bool with_places,
                                                TreeUse use) {
  const std::string id = container->id;
  const auto mounts = co_await tree_mounts(id);
  std::exception_ptr failure;
  try {
    std::vector<Mount> places;
    std::set<std::string> with_host_ids;
    if (with_places) {
      std::optional<HostOwner> owner;
      if (is_remapped(container->host_config, settings)) {
        owner = HostOwner{settings.uid_map.front().outside, settings.gid_map.front().outside};
      }
      co_await at.workers.run(Pool::quick, [&container, &owner] { make_missing_sources(container->mounts, owner); });
      places = co_await acquire_places(container, &with_host_ids);
    }
    const auto tree = co_await at.workers.run(
        Pool::quick, [&mounts, &places] { return std::make_shared<MountedTree>(mounts, places); });
    auto ids = co_await stopped_tree_ids(container, tree->fd(), std::move(with_host_ids));
    const UsedTree used{tree->fd(), std::move(ids)};
    co_await use(used);
  } catch (...) {
    failure = std::current_exception();
  }
  if (with_places) co_await release_volumes(id, container->mounts);
  if (failure) std::rethrow_exception(failure);
}

awaitable<void> Service::Impl::use_tree(std::string id, bool with_places, TreeUse use) {
  std::optional<Held> held;
  auto container = find(id);
  if (!is_alive(container->state)) {
    held.emplace(co_await hold(id));
    container = held->container;  // it may have been started meanwhile
  }
  if (container->state == State::removing || container->state == State::dead) {
    throw Error{Errc::conflict, "container " + container->id + " is dead or marked for removal"};
  }
  ProcessTree running;
  if (is_alive(container->state)) running = tree_of_process(container->pid, container->start_time_ticks);
  if (running.root) {
    held.reset();  // a long copy must not keep it from being stopped
    const UsedTree used{running.root.get(), std::move(running.ids)};
    co_await use(used);
    co_return;
  }
  if (!held) held.emplace(co_await hold(id));
  co_await use_stopped_tree(held->container, with_places, std::move(use));
}

awaitable<std::vector<Mount>> Service::tree(std::string name) {
  co_return co_await impl_->tree_mounts(impl_->find(name)->id);
}

awaitable<PathStat> Service::stat_path(std::string name, std::string path) {
  const auto container = impl_->find(name);
  const std::string wanted = archive_path(path);
  PathStat found;
  const Impl::TreeUse use = [&](const Impl::UsedTree& tree) -> awaitable<void> {
    found = co_await impl_->at.workers.run(Pool::quick, [&] {
      refuse_kernels(*container, tree.root, wanted);
      return stat_in_root(tree.root, wanted);
    });
  };
  try {
    co_await impl_->use_tree(container->id, true, use);
  } catch (const Error& error) {
    refuse_missing(error, name);
  }
  co_return found;
}

awaitable<void> Service::read_path(std::string name, std::string path, PathFound found, images::DownloadSink sink) {
  const auto container = impl_->find(name);
  const std::string wanted = archive_path(path);
  const Impl::TreeUse use = [&](const Impl::UsedTree& tree) -> awaitable<void> {
    const auto stat = co_await impl_->at.workers.run(Pool::quick, [&] {
      refuse_kernels(*container, tree.root, wanted);
      return stat_in_root(tree.root, wanted);
    });
    co_await found(stat);
    const std::function<void(ByteSink&)> work = [&tree, wanted](ByteSink& tar) {
      archive_path_in(tree.root, wanted, tree.ids, tar);
    };
    co_await images::write_download(impl_->at.workers, sink, work);
  };
  try {
    co_await impl_->use_tree(container->id, true, use);
  } catch (const Error& error) {
    refuse_missing(error, name);
  }
  impl_->publish("archive-path", *container);
}

awaitable<void> Service::write_path(std::string name, std::string path, ExtractRequest request,
                                    images::UploadSource source) {
  const auto container = impl_->find(name);
  const std::string wanted = archive_path(path);
  const Impl::TreeUse use = [&](const Impl::UsedTree& tree) -> awaitable<void> {
    const auto work = [&container, &wanted, &request, &tree](ByteSource& tar) {
      const int root = tree.root;
      const std::string destination = destination_in(root, wanted);
      check_writable(*container, destination);
      ExtractOptions options;
      options.keep_kind = request.keep_kind;
      options.ids = tree.ids;
      if (request.as_user && !container->config.user.empty()) options.owner = user_ids(root, container->config.user);
      extract_archive(root, destination, options, tar);
    };
    const std::function<void(ByteSource&)> extract = work;
    co_await images::read_upload(impl_->at.workers, source, extract);
  };
  try {
    co_await impl_->use_tree(container->id, true, use);
  } catch (const Error& error) {
    refuse_missing(error, name);
  }
  impl_->publish("extract-to-dir", *container);
}

awaitable<void> Service::export_files(std::string name, images::DownloadSink sink) {
  const auto container = impl_->find(name);
  if (container->state == State::removing || container->state == State::dead) {
    throw Error{Errc::conflict, "You cannot export container " + container->id + " which is dead"};
  }
  const Impl::TreeUse use = [&](const Impl::UsedTree& tree) -> awaitable<void> {
    const std::function<void(ByteSink&)> work = [&tree](ByteSink& tar) { export_tree(tree.root, tree.ids, tar); };
    co_await images::write_download(impl_->at.workers, sink, work);
  };
  co_await impl_->use_tree(container->id, false, use);
  impl_->publish("export", *container);
}

}  // namespace gantry::containers
