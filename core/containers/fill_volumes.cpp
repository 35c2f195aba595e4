#include <fcntl.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <memory>

#include "base/mounted_tree.hpp"
#include "base/root_path.hpp"
#include "containers/impl.hpp"
#include "volumes/copy_up.hpp"

namespace gantry::containers {

namespace {

// What the container's own files are mounted on, which a volume that is mounted read-only could not get later.
void make_file_places(const std::string& etc) {
  for (const char* name : {"hostname", "hosts", "resolv.conf"}) {
    const UniqueFd file{::open((etc + "/" + name).c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644)};
  }
}

void fill(int root, const std::string& destination, const std::string& directory) {
  volumes::copy_up(root, destination, directory);
  if (destination == "/etc") make_file_places(directory);
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
  // Answers those whose data have to be mounted first, and whose place is a directory of the image's.
  const auto fill_directories = [&] {
    std::vector<Unfilled> rest;
    for (Unfilled& volume : unfilled) {
      std::error_code failed;
      const bool known = !volume.directory.empty();
      if (known && (!std::filesystem::is_empty(volume.directory, failed) || failed)) continue;
      if (!tree) tree = std::make_shared<MountedTree>(root);
      if (known) {
        fill(tree->fd(), volume.destination, volume.directory);
      } else if (open_in_root(tree->fd(), volume.destination, O_PATH | O_DIRECTORY)) {
        rest.push_back(std::move(volume));
      }
    }
    return rest;
  };
  const std::vector<Unfilled> rest = co_await at.workers.run(Pool::slow, fill_directories);
  for (const Unfilled& volume : rest) co_await fill_mounted(tree, volume);
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
