#include "system/service.hpp"

/// Drivers that are disabled, enabled and reloaded while containers run.
namespace gantry::system {
namespace {

std::string full_name(const plugins::DriverInfo& driver) { return driver.kind + "/" + driver.name; }

}  // namespace

plugins::DriverInfo Service::only_plugin(const std::string& name) const {
  std::vector<plugins::DriverInfo> found;
  std::string names;
  for (const plugins::DriverInfo& driver : drivers_.list()) {
    // A file that was refused has no kind.
    if (driver.kind.empty() || (driver.name != name && full_name(driver) != name)) continue;
    names += (names.empty() ? "" : ", ") + full_name(driver);
    found.push_back(driver);
  }
  if (found.empty()) throw Error{Errc::not_found, "plugin \"" + name + "\" not found"};
  if (found.size() > 1) throw Error{Errc::invalid, "plugin name \"" + name + "\" is ambiguous: " + names};
  return found.front();
}

void Service::tell_plugin(const std::string& action, const plugins::DriverInfo& driver) {
  events::Event event;
  event.type = "plugin";
  event.action = action;
  event.actor = full_name(driver);
  event.attributes = {{"name", driver.name}};
  bus_.publish(std::move(event));
}

awaitable<void> Service::disable_plugin(std::string name) {
  const auto lock = co_await plugin_changes_.lock();
  const plugins::DriverInfo driver = only_plugin(name);
  if (!driver.disabled && plugin_use_.user) {
    co_await plugin_use_.look_up(driver);
    const std::string user = plugin_use_.user(driver, false);
    if (!user.empty()) {
      throw Error{Errc::conflict, "plugin " + driver.name + " is in use by " + user + "; it cannot be disabled"};
    }
  }
  co_await drivers_.disable(driver.kind, driver.name);
  tell_plugin("disable", driver);
}

awaitable<void> Service::enable_plugin(std::string name) {
  const auto lock = co_await plugin_changes_.lock();
  const plugins::DriverInfo driver = only_plugin(name);
  co_await drivers_.enable(driver.kind, driver.name);
  tell_plugin("enable", driver);
}

awaitable<void> Service::reload_plugin(std::string name) {
  const auto lock = co_await plugin_changes_.lock();
  const plugins::DriverInfo driver = only_plugin(name);
  const auto check_unused = [this, &driver] {
    const std::string user = plugin_use_.user ? plugin_use_.user(driver, true) : std::string{};
    if (!user.empty()) {
      throw Error{Errc::conflict, "plugin " + driver.name + " is in use by " + user + "; it cannot be reloaded"};
    }
  };
  const PluginUse::Prepare prepare = [&] {
    check_unused();
    return drivers_.prepare_successor(driver.kind, driver.name);
  };
  // Once more: a container may have been started while the new version was opened.
  const PluginUse::Replace replace = [&](plugins::Drivers::Successor& successor) {
    check_unused();
    drivers_.replace(successor);
  };
  co_await plugin_use_.take_over(prepare, replace);
  tell_plugin("reload", driver);
}

}  // namespace gantry::system
