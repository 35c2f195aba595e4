#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <memory>

#include "base/mounted_tree.hpp"
#include "base/root_path.hpp"
#include "containers/impl.hpp"
#include "volumes/copy_up.hpp"

namespace gantry::containers {

namespace {

// What the container's own files are mounted on, which a volume that is mounted read-only could not get later. Whatever
// the image has there is left alone.
void make_file_places(const std::string& etc) {
  for (const char* name : {"hostname", "hosts", "resolv.conf"}) ::mknod((etc + "/" + name).c_str(), S_IFREG | 0644, 0);
}

void fill(int root, const std::string& destination, const std::string& directory) {
  if (volumes::copy_up(root, destination, directory) && destination == "/etc") make_file_places(directory);
}

bool is_read_only(int directory) {
  struct statvfs status {};
  return ::fstatvfs(directory, &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

}  // namespace

awaitable<void> Service::Impl::fill_volumes(std::string id, std::vector<Unfilled> unfilled) {
  const auto root = live(id)->root;
  if (root.empty()) co_return;
  std::shared_ptr<MountedTree> tree;
  for (const Unfilled& volume : unfilled) {
    // Two containers that are made at once may have one new volume.
    const auto lock = co_await filling.lock(volume.name);
    // Whether the data have to be mounted first, and their place is a directory of the image's.
    const auto look = [&] {
      std::error_code failed;
      const bool known = !volume.directory.empty();
      if (known && (!std::filesystem::is_empty(volume.directory, failed) || failed)) return false;
      if (!tree) tree = std::make_shared<MountedTree>(root);
      if (known) fill(tree->fd(), volume.destination, volume.directory);
      return !known && static_cast<bool>(open_in_root(tree->fd(), volume.destination, O_PATH | O_DIRECTORY));
    };
    const bool mounted = co_await at.workers.run(Pool::slow, look);
    if (mounted) co_await fill_mounted(tree, volume);
  }
  // Its last use may write what the filesystem holds back.
  if (tree) co_await at.workers.run(Pool::slow, [&tree] { tree.reset(); });
}

awaitable<void> Service::Impl::fill_mounted(std::shared_ptr<MountedTree> tree, Unfilled volume) {
  const volumes::Service::Use copy = [this, tree, volume](const Mount& mount) -> awaitable<void> {
    const auto work = [&] {
      const std::vector<Mount> mounts{mount};
      const MountedTree data{mounts};
      if (is_read_only(data.fd())) return;
      fill(tree->fd(), volume.destination, "/proc/self/fd/" + std::to_string(data.fd()) + "/.");
    };
    co_await at.workers.run(Pool::slow, work);
  };
  try {
    co_await at.volumes.read(volume.name, copy);
  } catch (const Error& error) {
    throw Error{error.code(), std::string{"failed to populate volume: "} + error.what()};
  }
}

}  // namespace gantry::containers
