#include "events/filter.hpp"

#include <algorithm>

namespace gantry::events {

namespace {

using Values = std::vector<std::string>;

const std::string& attribute(const Event& event, const std::string& name) {
  static const std::string none;
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? none : found->second;
}

bool any(const Values& values, const std::string& text) {
  return std::find(values.begin(), values.end(), text) != values.end();
}

// Ids match by their start.
bool any_id(const Values& values, const std::string& id) {
  return std::any_of(values.begin(), values.end(),
                     [&](const std::string& value) { return !value.empty() && id.starts_with(value); });
}

bool any_start(const Values& values, const std::string& text) {
  return std::any_of(values.begin(), values.end(), [&](const std::string& value) { return text.starts_with(value); });
}

// As dockerd: of any type, and by the start of the id or of the name, so that an empty value means everything.
bool matches_object(const Values& values, const Event& event) {
  return any_start(values, event.actor) || any_start(values, attribute(event, "name"));
}

// "exec_start: sh" is found by "exec_start" too.
bool matches_action(const Values& values, const Event& event) {
  return any(values, event.action) || any(values, event.action.substr(0, event.action.find(':')));
}

std::string without_tag(const std::string& image) {
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) return image;
  return image.substr(0, colon);
}

bool matches_image(const Values& values, const Event& event) {
  if (event.type == "image") {
    const std::string& name = attribute(event, "name");
    return any_id(values, event.actor) || any(values, event.actor) || any(values, name) ||
           any(values, without_tag(name)) || any(values, without_tag(event.actor));
  }
  const std::string& image = attribute(event, "image");
  return event.type == "container" && (any(values, image) || any(values, without_tag(image)));
}

// All labels must match.
bool matches_labels(const Values& values, const Event& event) {
  return std::all_of(values.begin(), values.end(), [&](const std::string& value) {
    const auto equals = value.find('=');
    const auto found = event.attributes.find(value.substr(0, equals));
    if (found == event.attributes.end()) return false;
    return equals == std::string::npos || found->second == value.substr(equals + 1);
  });
}

bool matches(const std::string& name, const Values& values, const Event& event) {
  if (values.empty()) return true;
  if (name == "type") return any(values, event.type);
  if (name == "event") return matches_action(values, event);
  if (name == "scope") return any(values, "local");
  if (name == "label") return matches_labels(values, event);
  if (name == "image") return matches_image(values, event);
  if (name == "container" || name == "network" || name == "volume" || name == "daemon" || name == "plugin") {
    return matches_object(values, event);
  }
  // dockerd ignores names that it does not know, and there are no nodes, services, secrets and configs here.
  return name != "node" && name != "service" && name != "secret" && name != "config";
}

}  // namespace

Filter make_filter(std::map<std::string, std::vector<std::string>> wanted) {
  return [wanted = std::move(wanted)](const Event& event) {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](const auto& filter) { return matches(filter.first, filter.second, event); });
  };
}

}  // namespace gantry::events
