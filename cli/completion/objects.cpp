#include "completion/objects.hpp"

#include <nlohmann/json.hpp>

#include "command/context.hpp"

namespace gantry::cli {

namespace {

using Words = std::vector<std::string>;

Words named(const Json& list) {
  Words names;
  for (const Json& item : list) names.push_back(item.value("Name", ""));
  return names;
}

}  // namespace

Words container_names(Context& context, const std::function<bool(const std::string& state)>& fits) {
  Words names;
  for (const Json& container : context.client().get("/containers/json?all=1")) {
    if (!fits(container.value("State", ""))) continue;
    for (const Json& name : container.value("Names", Json::array())) names.push_back(name.get<std::string>().substr(1));
  }
  return names;
}

Words image_names(Context& context) {
  Words names;
  for (const Json& image : context.client().get("/images/json")) {
    const auto tags = image.find("RepoTags");
    if (tags == image.end() || !tags->is_array()) continue;
    for (const Json& tag : *tags) {
      names.push_back(tag.get<std::string>());
      if (names.back().ends_with(":latest")) names.push_back(names.back().substr(0, names.back().rfind(':')));
    }
  }
  return names;
}

Words network_names(Context& context) { return named(context.client().get("/networks")); }

Words volume_names(Context& context) { return named(context.client().get("/volumes").value("Volumes", Json::array())); }

Words plugin_names(Context& context, const char* kind) {
  const Json plugins = context.client().get("/info").value("Plugins", Json::object()).value(kind, Json::array());
  Words names;
  for (const Json& name : plugins) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

Words runtime_names(Context& context) {
  Words names;
  const Json runtimes = context.client().get("/info").value("Runtimes", Json::object());
  for (const auto& item : runtimes.items()) names.push_back(item.key());
  return names;
}

}  // namespace gantry::cli
