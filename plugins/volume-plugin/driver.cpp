#include "driver.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace gantry::volume_plugin {
namespace {

using nlohmann::json;

constexpr const char* kPlugin = "plugin";
constexpr const char* kSockets = "plugin-sockets";
constexpr const char* kSpecs = "plugin-specs";

std::vector<std::filesystem::path> folders(const std::string& list) {
  std::vector<std::filesystem::path> out;
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) out.emplace_back(item);
  return out;
}

/// A member that is a text; empty if it is none.
std::string text_of(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

void Driver::capabilities(Capabilities& out) const { out = {"named-plugins", "any-options"}; }

void Driver::options(std::vector<OptionInfo>& out) const {
  const auto driver = OptionScope::driver;
  out = {{kPlugin, OptionType::text, driver, "", "the plugin that is spoken to; set by the daemon"},
         {kSockets, OptionType::list, driver, "/run/docker/plugins", "folders with plugins' sockets"},
         {kSpecs, OptionType::list, driver, "/etc/docker/plugins,/usr/lib/docker/plugins",
          "folders with their spec files"}};
}

void Driver::open(Host& host) {
  const Options& options = host.options();
  const std::string name = options.at(kPlugin);
  if (name.empty()) return;
  docker_plugin::Folders places;
  places.sockets = folders(options.at(kSockets));
  places.specs = folders(options.at(kSpecs));
  plugin_ = std::make_unique<docker_plugin::Client>(places, name, "VolumeDriver");
  if (!plugin_->exists()) throw Error{Errc::not_found, "plugin \"" + name + "\" not found"};
}

docker_plugin::Client& Driver::plugin() const {
  if (!plugin_) throw Error{Errc::unsupported, "the name of a volume plugin is needed, not \"plugin\""};
  return *plugin_;
}

bool Driver::holds(const std::string& name, const Call& call) const {
  try {
    plugin().call("Get", {{"Name", name}}, call);
    return true;
  } catch (const Error& error) {
    // Whatever a plugin says here means that.
    if (error.code() != Errc::io) throw;
    return false;
  }
}

void Driver::create(const std::string& name, const Options& options, volume::v1::Volume& out, const Call& call) {
  plugin().call("Create", {{"Name", name}, {"Opts", options}}, call);
  inspect(name, out, call);
}

void Driver::remove(const std::string& name, const Call& call) {
  if (holds(name, call)) plugin().call("Remove", {{"Name", name}}, call);
}

void Driver::inspect(const std::string& name, volume::v1::Volume& out, const Call& call) {
  if (!holds(name, call)) throw Error{Errc::not_found, "get " + name + ": no such volume"};
  const json volume = plugin().call("Get", {{"Name", name}}, call).value("Volume", json::object());
  out.name = name;
  out.mountpoint = text_of(volume, "Mountpoint");
  const json status = volume.is_object() ? volume.value("Status", json::object()) : json::object();
  for (const auto& [key, value] : status.items()) {
    out.status.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  }
}

void Driver::mount(const std::string& name, const std::string& user, Mount& out, const Call& call) {
  const std::string place = text_of(plugin().call("Mount", {{"Name", name}, {"ID", user}}, call), "Mountpoint");
  if (!place.starts_with("/")) {
    throw Error{Errc::invalid,
                "plugin " + plugin().name() + ": VolumeDriver.Mount: \"" + place + "\" is no mountpoint"};
  }
  out = {"bind", place, "", "", {"rbind"}};
}

void Driver::unmount(const std::string& name, const std::string& user, const Call& call) {
  try {
    if (holds(name, call)) plugin().call("Unmount", {{"Name", name}, {"ID", user}}, call);
  } catch (const Error& error) {
    // One that is gone, and what it had mounted with it, must not keep a container from ending.
    if (error.code() != Errc::unavailable && error.code() != Errc::not_found) throw;
    call.log(LogLevel::warning, "volume " + name + " is not unmounted: " + error.what());
  }
}

void Driver::usage(const std::string& /*name*/, volume::v1::Usage& /*out*/, const Call& /*call*/) {
  throw Error{Errc::unsupported, "volume plugins don't tell what a volume takes up"};
}

void Driver::list(std::vector<std::string>& out, const Call& call) {
  if (!plugin_) return;
  const json volumes = plugin_->call("List", json::object(), call).value("Volumes", json::array());
  for (const json& volume : volumes) {
    if (const std::string name = text_of(volume, "Name"); !name.empty()) out.push_back(name);
  }
}

}  // namespace gantry::volume_plugin
