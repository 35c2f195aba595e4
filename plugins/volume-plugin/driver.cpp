#include "driver.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "docker_plugin/options.hpp"

namespace gantry::volume_plugin {
namespace {

using docker_plugin::text_of;
using nlohmann::json;

/// Whether a message is one of those that plugins have for a volume that they don't hold. All others may pass: a volume
/// whose plugin has lost its backend is still there.
bool says_gone(std::string message) {
  std::transform(message.begin(), message.end(), message.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto has = [&](const char* phrase) { return message.find(phrase) != std::string::npos; };
  return has("no such volume") || (has("volume") && (has("not found") || has("not exist")));
}

}  // namespace

void Driver::capabilities(Capabilities& out) const { out = {"named-plugins", "any-options"}; }

void Driver::options(std::vector<OptionInfo>& out) const { out = docker_plugin::options(); }

void Driver::open(Host& host) {
  plugin_ = docker_plugin::named_plugin(host.options(), "VolumeDriver");
  if (plugin_ && !plugin_->exists()) docker_plugin::throw_not_found(*plugin_);
}

docker_plugin::Client& Driver::plugin() const {
  if (!plugin_) throw Error{Errc::unsupported, "the name of a volume plugin is needed, not \"plugin\""};
  return *plugin_;
}

std::optional<json> Driver::find(const std::string& name, const Call& call) const {
  try {
    json answer = plugin().call("Get", {{"Name", name}}, call);
    const auto volume = answer.find("Volume");
    if (volume == answer.end() || !volume->is_object()) return std::nullopt;
    return *volume;
  } catch (const Error& error) {
    if (error.code() == Errc::io && says_gone(error.what())) return std::nullopt;
    throw;
  }
}

bool Driver::is_gone(const std::string& name, const Call& call) const {
  try {
    return !find(name, call);
  } catch (const Error&) {
    return false;
  }
}

void Driver::create(const std::string& name, const Options& options, volume::v1::Volume& out, const Call& call) {
  plugin().call("Create", {{"Name", name}, {"Opts", options}}, call);
  inspect(name, out, call);
}

void Driver::remove(const std::string& name, const Call& call) {
  try {
    plugin().call("Remove", {{"Name", name}}, call);
  } catch (const Error& error) {
    // The protocol has no code for "no such volume", and the message of Remove may be of anything.
    if (error.code() != Errc::io || !is_gone(name, call)) throw;
  }
}

void Driver::inspect(const std::string& name, volume::v1::Volume& out, const Call& call) {
  const std::optional<json> found = find(name, call);
  if (!found) throw Error{Errc::not_found, "get " + name + ": no such volume"};
  const json& volume = *found;
  out.name = name;
  out.mountpoint = text_of(volume, "Mountpoint");
  const json status = volume.value("Status", json::object());
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
  // A plugin knows nothing of user namespaces: what it shows may be any directory of the host's, with the host's ids.
  out = {"bind", place, "", "", {"rbind", std::string{kHostIdsOption}}};
}

void Driver::unmount(const std::string& name, const std::string& user, const Call& call) {
  try {
    plugin().call("Unmount", {{"Name", name}, {"ID", user}}, call);
  } catch (const Error& error) {
    // One that is gone, and what it had mounted with it, must not keep a container from ending.
    const bool gone = error.code() == Errc::unavailable || error.code() == Errc::not_found ||
                      (error.code() == Errc::io && is_gone(name, call));
    if (!gone) throw;
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
