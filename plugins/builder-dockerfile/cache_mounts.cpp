#include "cache_mounts.hpp"

#include <fcntl.h>

#include <chrono>

#include "layer_archive/directory.hpp"
#include "layer_archive/tree.hpp"
#include "sha256.hpp"

namespace gantry::dockerfile {

using layer_archive::Directory;

CacheMounts::Use::Use(Use&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      key_(std::move(other.key_)),
      path_(std::move(other.path_)),
      alone_(other.alone_) {}

CacheMounts::Use::~Use() {
  if (owner_ != nullptr) owner_->release(key_, alone_);
}

bool CacheMounts::Use::is_new() const { return Directory::open(AT_FDCWD, path_).names().empty(); }

CacheMounts::Use CacheMounts::take(const std::string& id, const std::string& sharing, const Call& call) {
  const std::string name = sha256_hex(id);
  const bool alone = sharing == "locked" || sharing == "private";
  std::string key = name;
  std::unique_lock lock{mutex_};
  if (sharing == "private") {
    for (int copy = 1; in_use_[key].users > 0; ++copy) key = name + "-" + std::to_string(copy);
  }
  State& state = in_use_[key];
  while (state.locked || (alone && state.users > 0)) {
    freed_.wait_for(lock, std::chrono::milliseconds{100});
    call.check();
  }
  ++state.users;
  state.locked = alone;
  lock.unlock();
  Use use{this, key, root_ + "/" + key, alone};
  layer_archive::make_directory(AT_FDCWD, use.path(), 0755);
  return use;
}

void CacheMounts::release(const std::string& key, bool alone) noexcept {
  const std::lock_guard lock{mutex_};
  State& state = in_use_[key];
  --state.users;
  if (alone) state.locked = false;
  freed_.notify_all();
}

std::uint64_t CacheMounts::size(const Call& call) const { return layer_archive::measure(AT_FDCWD, root_, call).bytes; }

std::uint64_t CacheMounts::prune(const Call& call) {
  std::uint64_t freed = 0;
  for (const std::string& name : Directory::open(AT_FDCWD, root_).sorted_names()) {
    call.check();
    // Held while it goes, so that no build begins to use it meanwhile.
    const std::lock_guard lock{mutex_};
    const auto state = in_use_.find(name);
    if (state != in_use_.end() && state->second.users > 0) continue;
    const std::string path = root_ + "/" + name;
    const std::uint64_t bytes = layer_archive::measure(AT_FDCWD, path, call).bytes;
    layer_archive::remove_tree(AT_FDCWD, path);
    freed += bytes;
  }
  return freed;
}

}  // namespace gantry::dockerfile
