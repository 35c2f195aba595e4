#include "base/mounted_tree.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <exception>
#include <string>
#include <thread>

#include "base/file.hpp"
#include "base/mount_options.hpp"
#include "base/root_path.hpp"

namespace gantry {
namespace {

// Where the tree is put together: a directory that every host has. Only the helper thread's namespace sees it covered.
constexpr const char* kPlace = "/proc";

void mount_at(const Mount& mount, const std::string& target) {
  const MountOptions options = parse_mount_options(mount.options);
  unsigned long flags = options.flags;
  if (mount.type == "bind") flags |= MS_BIND;
  if (::mount(mount.source.c_str(), target.c_str(), mount.type.c_str(), flags,
              options.data.empty() ? nullptr : options.data.c_str()) != 0) {
    throw_errno("cannot mount " + mount.type + " " + mount.source);
  }
  // A bind takes no other flags at first: they need a second call.
  const bool more_flags = (flags & ~static_cast<unsigned long>(MS_BIND | MS_REC)) != 0;
  if ((flags & MS_BIND) != 0 && more_flags &&
      ::mount(nullptr, target.c_str(), nullptr, (flags & ~static_cast<unsigned long>(MS_REC)) | MS_REMOUNT, nullptr) !=
          0) {
    throw_errno("cannot set the options of the mount of " + mount.source);
  }
}

void enter(const std::string& base) {
  if (!base.empty() && ::chdir(base.c_str()) != 0) throw_errno("cannot enter " + base);
}

// Targets of further mounts are the storage driver's, never an image's: no links to be resolved.
std::string target_of(const Mount& mount) {
  if (mount.target.empty()) return kPlace;
  if (mount.target.front() != '/' || mount.target.find("..") != std::string::npos) {
    throw Error{Errc::invalid, "a mount's target is not absolute: " + mount.target};
  }
  return kPlace + mount.target;
}

// What a place binds; nothing for a filesystem of its own.
UniqueFd open_source(const Mount& place) {
  if (place.type != "bind") return {};
  const MountOptions options = parse_mount_options(place.options);
  UniqueFd source{::open(place.source.c_str(), O_PATH | O_CLOEXEC)};
  if (source && !options.subpath.empty()) source = open_beneath(source.get(), options.subpath, O_PATH);
  if (!source) throw_errno("cannot open " + place.source);
  return source;
}

// By descriptors: a path to the target would have to be resolved once more, outside of the tree.
void bind_in_tree(const Mount& mount, const UniqueFd& origin, int root) {
  const MountOptions options = parse_mount_options(mount.options);
  const bool recursive = (options.flags & MS_REC) != 0;
  const UniqueFd source{::open_tree(
      origin.get(), "",
      static_cast<unsigned>(AT_EMPTY_PATH) | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U))};
  if (!source) throw_errno("cannot open " + mount.source);
  if ((options.flags & MS_RDONLY) != 0) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (::mount_setattr(source.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
      throw_errno("cannot make the mount of " + mount.source + " read-only");
    }
  }
  struct stat status {};
  if (::fstat(source.get(), &status) != 0) throw_errno("cannot stat " + mount.source);
  const UniqueFd target = make_in_root(root, mount.target, S_ISDIR(status.st_mode));
  if (::move_mount(source.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    throw_errno("cannot mount " + mount.source + " at " + mount.target);
  }
}

// A filesystem of its own goes onto the working directory, which names the target without a path.
void mount_in_tree(const Mount& mount, const UniqueFd& source, int root) {
  if (mount.type == "bind") return bind_in_tree(mount, source, root);
  const UniqueFd target = make_in_root(root, mount.target, true);
  if (::fchdir(target.get()) != 0) throw_errno("cannot enter " + mount.target);
  mount_at(mount, ".");
}

int mount_detached(const std::vector<Mount>& mounts, const std::vector<Mount>& places) {
  if (::unshare(CLONE_FS | CLONE_NEWNS) != 0) throw_errno("cannot make a mount namespace");
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) throw_errno("cannot make mounts private");
  // Before the tree covers kPlace: what is below it is the host's until then, and a stranger's afterwards.
  std::vector<UniqueFd> sources;
  sources.reserve(places.size());
  for (const Mount& place : places) sources.push_back(open_source(place));
  for (const Mount& mount : mounts) {
    enter(mount.base);
    mount_at(mount, target_of(mount));
  }
  for (std::size_t at = 0; at < places.size(); ++at) {
    const UniqueFd root{::open(kPlace, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!root) throw_errno("cannot open the mounted tree");
    mount_in_tree(places[at], sources[at], root.get());
  }
  const int tree = ::open_tree(AT_FDCWD, kPlace, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree < 0) throw_errno("cannot detach the mounted tree");
  return tree;
}

}  // namespace

MountedTree::MountedTree(const std::vector<Mount>& mounts, const std::vector<Mount>& places) {
  if (mounts.empty()) throw Error{Errc::invalid, "there is nothing to mount"};
  std::exception_ptr failure;
  // A thread of its own, for its namespace and working directory end with it.
  std::thread{[&] {
    try {
      root_.reset(mount_detached(mounts, places));
    } catch (...) {
      failure = std::current_exception();
    }
  }}.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gantry
