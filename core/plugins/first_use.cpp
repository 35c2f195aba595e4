#include <atomic>
#include <filesystem>

#include "plugins/impl.hpp"

/// Plugins that speak a protocol of their own, each behind a driver that speaks it: opened when somebody names it
/// first, beside the event loop, since a driver may take its time or not return at all.
namespace gantry::plugins {

struct Drivers::Impl::FirstUse {
  explicit FirstUse(const asio::any_io_executor& io) : ended(io, asio::steady_timer::time_point::max()) {}

  asio::steady_timer ended;  ///< Wakes those who wait.
  bool is_over = false;
  std::exception_ptr failure;
};

template <class Driver>
std::vector<Found> Drivers::Impl::stand_ins() const {
  std::vector<Found> all;
  for (const Found& found : catalog->drivers()) {
    const auto& can = found.info.capabilities;
    if (found.info.kind != Driver::kKind || found.info.disabled) continue;
    if (std::ranges::count(can, "named-plugins") != 0) all.push_back(found);
  }
  return all;
}

/// Whether the driver was neither disabled nor replaced since.
bool Drivers::Impl::is_current(const Found& found) {
  const Found* now = catalog->find(found.info.kind, found.info.name);
  return now != nullptr && !now->info.disabled && now->library == found.library && now->info.held == found.info.held;
}

/// An empty handle if there is none.
template <class Driver>
awaitable<Handle<Driver>> Drivers::Impl::open_plugin(std::string name) {
  auto& known = opening[std::string{Driver::kKind} + " " + name];
  // One that was dropped before a thread was free for it never begins.
  if (const auto other = known.lock(); other && *other) {
    throw Error{Errc::unavailable, "plugin \"" + name + "\" cannot be used: its driver has not returned from an " +
                                       "opening that was given up"};
  }
  const std::vector<Found> candidates = stand_ins<Driver>();
  for (const Found& stand_in : candidates) {
    const std::string instance = stand_in.info.name + "-" + name;
    Options options = options_of(config, stand_in.info.name);
    options["plugin"] = name;
    Found named = stand_in;
    named.info.name = name;
    const DriverInfo driver = named.info;
    const auto begun = std::make_shared<std::atomic<bool>>(false);
    known = begun;
    const auto work = [opener = opener, named, instance, options, begun] {
      *begun = true;
      return opener->open<Driver>(named, instance, options);
    };
    try {
      Handle<Driver> opened = co_await apart(driver, work);
      if (is_current(stand_in)) co_return opened;
      throw Error{Errc::unavailable, "plugin \"" + name + "\": the driver \"" + stand_in.info.name +
                                         "\" was changed while it was opened; try again"};
    } catch (const Error& error) {
      if (error.code() != Errc::not_found && error.code() != Errc::invalid) throw;
      spdlog::debug("{}", error.what());
    }
    // It was no plugin's name: nothing of it stays. What is not empty is not ours to remove.
    for (const std::string& root : {config.data_root, config.exec_root}) {
      std::error_code kept;
      std::filesystem::remove(root + "/drivers/" + stand_in.info.kind + "-" + instance, kept);
    }
  }
  co_return Handle<Driver>{};
}

template <class Driver>
awaitable<void> Drivers::Impl::look_up(Handles<Driver>& handles, std::string name) {
  if (handles.contains(name) || !may_name_plugin(name) || stand_ins<Driver>().empty()) co_return;
  const std::string key = std::string{Driver::kKind} + " " + name;
  std::shared_ptr<FirstUse> use;
  if (const auto known = first_uses.find(key); known != first_uses.end()) {
    use = known->second;
    while (!use->is_over) {
      boost::system::error_code woken;
      co_await use->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  } else {
    use = std::make_shared<FirstUse>(co_await asio::this_coro::executor);
    first_uses[key] = use;
    try {
      Handle<Driver> plugin = co_await open_plugin<Driver>(name);
      // A driver of that name may have been enabled meanwhile.
      if (plugin) handles.emplace(name, std::move(plugin));
    } catch (...) {
      use->failure = std::current_exception();
    }
    use->is_over = true;
    first_uses.erase(key);
    if (const auto holder = opening.find(key); holder != opening.end() && holder->second.expired()) {
      opening.erase(holder);
    }
    use->ended.cancel();
  }
  if (use->failure) std::rethrow_exception(use->failure);
}

awaitable<NetworkDriver> Drivers::use_network(std::string name) {
  co_await impl_->look_up(impl_->networks, name);
  co_return network(name);
}

awaitable<IpamDriver> Drivers::use_ipam(std::string name) {
  co_await impl_->look_up(impl_->ipams, name);
  co_return ipam(name);
}

awaitable<VolumeDriver> Drivers::use_volume(std::string name) {
  co_await impl_->look_up(impl_->volumes, name);
  co_return volume(name);
}

}  // namespace gantry::plugins
