#include <fcntl.h>

#include "base/file.hpp"
#include "base/id.hpp"
#include "build/session_io.hpp"

namespace gantry::build {

std::string Session::make_tree(const std::string& image) {
  const auto make = [](Session* self, std::string id) -> awaitable<std::string> {
    std::vector<std::string> layers;
    if (!id.empty()) {
      const auto found = self->at_.images.get(id);
      co_await self->at_.images.ensure_unpacked(found);
      layers = found->chain_ids;
    }
    const std::string key = random_id();
    const plugins::CallSettings settings;
    const auto ask_to_prepare = [key, layers](auto& driver, const Call& call) {
      std::vector<Mount> mounts;
      driver.prepare(key, layers, {}, mounts, call);
      return mounts;
    };
    auto mounts = co_await self->at_.drivers.call(self->at_.drivers.storage(), Pool::quick, settings, ask_to_prepare);
    const std::lock_guard lock{self->mutex_};
    self->trees_[key] = std::move(mounts);
    co_return key;
  };
  return on_io(make(this, image));
}

std::vector<Mount> Session::tree_mounts(const std::string& tree) {
  const std::lock_guard lock{mutex_};
  const auto found = trees_.find(tree);
  if (found == trees_.end()) throw Error{Errc::not_found, "no such tree: " + tree};
  return found->second;
}

UniqueFd Session::open_tree(const std::string& tree) {
  const MountedTree mounted{tree_mounts(tree)};
  UniqueFd root{::openat(mounted.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root) throw_errno("cannot open a tree");
  return root;
}

awaitable<void> Session::forget_tree(std::string tree) {
  {
    const std::lock_guard lock{mutex_};
    if (trees_.erase(tree) == 0) co_return;
  }
  const plugins::CallSettings settings;
  const auto ask_to_remove = [tree](auto& driver, const Call& call) { driver.remove(tree, call); };
  co_await at_.drivers.call(at_.drivers.storage(), Pool::quick, settings, ask_to_remove);
}

void Session::remove_tree(const std::string& tree) {
  // Not `on_io`: it goes also when the build is cancelled.
  asio::co_spawn(io_, forget_tree(tree), asio::use_future).get();
}

}  // namespace gantry::build
