#include <algorithm>

#include "containers/defaults.hpp"
#include "containers/filter_match.hpp"
#include "containers/impl.hpp"
#include "containers/ports.hpp"

namespace gantry::containers {

namespace {

using Values = std::vector<std::string>;

template <class Predicate>
bool any(const Values& values, Predicate predicate) {
  return std::any_of(values.begin(), values.end(), predicate);
}

bool matches_port(const Container& container, const std::string& wanted, bool published) {
  const std::size_t dash = wanted.find('-');
  const std::size_t slash = wanted.find('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : wanted.substr(slash + 1);
  const auto first = parse_port(wanted.substr(0, std::min(dash, slash)) + "/" + protocol).number;
  auto last = first;
  if (dash != std::string::npos) last = parse_port(wanted.substr(dash + 1, slash - dash - 1) + "/" + protocol).number;
  const auto inside = [&](std::uint16_t number) { return number >= first && number <= last; };
  for (const auto& [text, bindings] : container.host_config.port_bindings) {
    const auto port = parse_port(text);
    if (port.protocol == protocol && inside(port.number)) return true;
    if (!published) continue;
  }
  if (published) return false;
  return any({container.config.exposed_ports.begin(), container.config.exposed_ports.end()},
             [&](const std::string& text) {
               const auto port = parse_port(text);
               return port.protocol == protocol && inside(port.number);
             });
}

bool names_network(const Container& container, const std::string& wanted) {
  for (const auto* endpoints : {&container.endpoints, &container.last_endpoints}) {
    for (const auto& [name, endpoint] : *endpoints) {
      if (name == wanted || (!endpoint.network_id.empty() && endpoint.network_id.starts_with(wanted))) return true;
    }
  }
  return false;
}

bool matches_volume(const Container& container, const std::string& wanted) {
  return std::any_of(container.mounts.begin(), container.mounts.end(), [&](const MountPoint& place) {
    return place.name == wanted || place.destination == wanted || place.source == wanted;
  });
}

bool matches_exit(const Container& container, const std::string& wanted) {
  return container.finished != 0 && !is_alive(container.state) && std::to_string(container.exit_code) == wanted;
}

bool matches_image(const Container& container, const std::string& wanted, const images::Service& images) {
  if (container.config.image == wanted) return true;
  try {
    return images.get(wanted)->id == container.image_id;
  } catch (const Error&) {
    return false;
  }
}

bool matches(const Container& container, const std::string& name, const Values& values, const images::Service& images) {
  const auto plain = [&](auto test) { return any(values, [&](const std::string& value) { return test(value); }); };
  if (name == "id")
    return plain([&](const auto& v) { return container.id.starts_with(v) || matches_text(v, container.id); });
  if (name == "name")
    return plain(
        [&](const auto& v) { return matches_text(v, "/" + container.name) || matches_text(v, container.name); });
  if (name == "label") return matches_labels(container.config.labels, values);
  if (name == "exited") return plain([&](const auto& v) { return matches_exit(container, v); });
  if (name == "status") return plain([&](const auto& v) { return v == to_string(container.shown_state()); });
  if (name == "ancestor") return plain([&](const auto& v) { return matches_image(container, v, images); });
  if (name == "volume") return plain([&](const auto& v) { return matches_volume(container, v); });
  if (name == "network") return plain([&](const auto& v) { return names_network(container, v); });
  if (name == "health") {
    const auto health = container.health ? to_string(container.health->status) : std::string_view("none");
    return plain([&](const auto& v) { return v == health; });
  }
  if (name == "publish") return plain([&](const auto& v) { return matches_port(container, v, true); });
  if (name == "expose") return plain([&](const auto& v) { return matches_port(container, v, false); });
  if (name == "is-task" || name == "isolation")
    return plain([](const auto& v) { return v == "false" || v == "default"; });
  return true;  // before, since: by the caller
}

void check_values(const Filter& filter) {
  static const std::set<std::string> known{"ancestor", "before",  "exited",    "expose", "health",
                                           "id",       "is-task", "isolation", "label",  "name",
                                           "network",  "publish", "since",     "status", "volume"};
  check_terms(filter, known);
  static const std::set<std::string> states{"created", "running", "paused", "restarting", "removing", "exited", "dead"};
  if (const auto status = filter.terms.find("status"); status != filter.terms.end()) {
    for (const auto& value : status->second) {
      if (!states.contains(value)) throw Error{Errc::invalid, "invalid filter 'status=" + value + "'"};
    }
  }
  static const std::set<std::string> healths{"none", "starting", "healthy", "unhealthy"};
  if (const auto health = filter.terms.find("health"); health != filter.terms.end()) {
    for (const auto& value : health->second) {
      if (!healths.contains(value)) throw Error{Errc::invalid, "unrecognized filter value for health: " + value};
    }
  }
}

}  // namespace

std::vector<Service::Snapshot> Service::list(const Filter& filter) const {
  check_values(filter);
  Nanoseconds before = std::numeric_limits<Nanoseconds>::max();
  Nanoseconds since = std::numeric_limits<Nanoseconds>::min();
  if (const auto term = filter.terms.find("before"); term != filter.terms.end()) {
    for (const auto& value : term->second) before = std::min(before, find(value)->created);
  }
  if (const auto term = filter.terms.find("since"); term != filter.terms.end()) {
    for (const auto& value : term->second) since = std::max(since, find(value)->created);
  }
  // Asking for a state, an exit code or a number of them means those that don't run as well.
  const bool everything = filter.all || filter.limit > 0 || filter.terms.contains("status") ||
                          filter.terms.contains("exited") || filter.terms.contains("before") ||
                          filter.terms.contains("since");
  std::vector<Snapshot> found;
  for (const auto& container : all()) {
    if (!everything && !is_alive(container->state) && container->shown_state() != State::restarting) continue;
    if (container->created >= before || container->created <= since) continue;
    const bool passes = std::all_of(filter.terms.begin(), filter.terms.end(), [&](const auto& term) {
      return matches(*container, term.first, term.second, impl_->at.images);
    });
    if (passes) found.push_back(container);
    if (filter.limit > 0 && found.size() == static_cast<std::size_t>(filter.limit)) break;
  }
  return found;
}

namespace {

bool uses_image(const Container& container, const std::string& image_id) {
  const auto mounted = [&](const MountPoint& place) { return place.type == "image" && place.source == image_id; };
  return container.image_id == image_id || std::any_of(container.mounts.begin(), container.mounts.end(), mounted);
}

}  // namespace

std::vector<images::Service::User> Service::users_of_image(const std::string& image_id) const {
  std::vector<images::Service::User> users;
  for (const auto& [id, container] : impl_->table.all()) {
    if (uses_image(*container, image_id)) users.push_back({id, is_alive(container->state)});
  }
  for (const auto& [id, container] : impl_->creating) {
    if (uses_image(*container, image_id) && !impl_->table.find(id)) users.push_back({id, true});
  }
  return users;
}

std::vector<std::string> Service::users_of_volume(const std::string& volume) const {
  std::vector<std::string> users;
  const auto names_it = [&](const std::vector<MountPoint>& places) {
    return std::any_of(places.begin(), places.end(),
                       [&](const MountPoint& place) { return place.type == "volume" && place.name == volume; });
  };
  const auto uses = [&](const Container& container) {
    return names_it(container.mounts) || (container.mount_edit && names_it(container.mount_edit->made));
  };
  for (const auto& [id, container] : impl_->table.all()) {
    if (uses(*container)) users.push_back(id);
  }
  for (const auto& [id, container] : impl_->creating) {
    if (!impl_->table.find(id) && uses(*container)) users.push_back(id);
  }
  return users;
}

}  // namespace gantry::containers
