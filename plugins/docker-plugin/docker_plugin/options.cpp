#include "docker_plugin/options.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

namespace gantry::docker_plugin {
namespace {

constexpr const char* kPlugin = "plugin";
constexpr const char* kSockets = "plugin-sockets";
constexpr const char* kSpecs = "plugin-specs";

std::vector<std::filesystem::path> folders(const std::string& list) {
  std::vector<std::filesystem::path> out;
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) out.emplace_back(item);
  return out;
}

}  // namespace

std::vector<OptionInfo> options() {
  const auto driver = OptionScope::driver;
  return {{kPlugin, OptionType::text, driver, "", "the plugin that is spoken to; set by the daemon"},
          {kSockets, OptionType::list, driver, "/run/docker/plugins", "folders with plugins' sockets"},
          {kSpecs, OptionType::list, driver, "/etc/docker/plugins,/usr/lib/docker/plugins",
           "folders with their spec files"}};
}

std::unique_ptr<Client> named_plugin(const Options& given, const std::string& kind) {
  const std::string name = given.at(kPlugin);
  if (name.empty()) return nullptr;
  Folders places;
  places.sockets = folders(given.at(kSockets));
  places.specs = folders(given.at(kSpecs));
  return std::make_unique<Client>(places, name, kind);
}

std::string text_of(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

void throw_not_found(const Client& plugin) {
  throw Error{Errc::not_found, "plugin \"" + plugin.name() + "\" not found"};
}

}  // namespace gantry::docker_plugin
