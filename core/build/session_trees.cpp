#include <fcntl.h>
#include <spdlog/spdlog.h>

#include "base/file.hpp"
#include "base/id.hpp"
#include "build/session_io.hpp"

namespace gantry::build {

std::string Session::make_tree(const std::string& image) { return on_io(prepare_tree(image)); }

awaitable<std::string> Session::prepare_tree(std::string image) {
  std::vector<std::string> layers;
  if (!image.empty()) {
    const auto found = at_.images.get(image);
    co_await at_.images.ensure_unpacked(found);
    layers = found->chain_ids;
  }
  const std::string key = random_id();
  const plugins::CallSettings settings;
  const auto ask_to_prepare = [key, layers](auto& driver, const Call& call) {
    std::vector<Mount> mounts;
    driver.prepare(key, layers, {}, mounts, call);
    return mounts;
  };
  auto mounts = co_await at_.drivers.call(at_.drivers.storage(), Pool::quick, settings, ask_to_prepare);
  const std::lock_guard lock{mutex_};
  trees_[key] = std::move(mounts);
  if (image.empty()) bare_trees_.insert(key);
  co_return key;
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
    if (!trees_.contains(tree)) co_return;
  }
  const plugins::CallSettings settings;
  const auto ask_to_remove = [tree](auto& driver, const Call& call) { driver.remove(tree, call); };
  co_await at_.drivers.call(at_.drivers.storage(), Pool::quick, settings, ask_to_remove);
  const std::lock_guard lock{mutex_};
  trees_.erase(tree);
  bare_trees_.erase(tree);
}

/// What one cannot be removed for keeps none of the others, and is not why the build fails.
awaitable<void> Session::forget_trees() {
  std::vector<std::string> left;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [tree, mounts] : trees_) left.push_back(tree);
  }
  for (const std::string& tree : left) {
    try {
      co_await forget_tree(tree);
    } catch (const Error& error) {
      spdlog::warn("a build's tree cannot be removed: {}", error.what());
    }
  }
}

void Session::remove_tree(const std::string& tree) {
  // Not `on_io`: it goes also when the build is cancelled.
  asio::co_spawn(io_, forget_tree(tree), asio::use_future).get();
}

}  // namespace gantry::build
