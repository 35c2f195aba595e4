#include <algorithm>
#include <charconv>

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

std::uint16_t port_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = end == text.data() + text.size();
  if (error == std::errc::result_out_of_range || (error == std::errc{} && whole && number > 65535)) {
    throw Error{Errc::invalid, "strconv.ParseUint: parsing \"" + text + "\": value out of range"};
  }
  if (error != std::errc{} || !whole) {
    throw Error{Errc::invalid, "strconv.ParseUint: parsing \"" + text + "\": invalid syntax"};
  }
  return static_cast<std::uint16_t>(number);
}

// "80", "80-90/udp".
struct PortRange {
  explicit PortRange(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash != std::string::npos) protocol = text.substr(slash + 1);
    const std::string numbers = text.substr(0, slash);
    if (numbers.empty()) throw Error{Errc::invalid, "empty string specified for ports"};
    const std::size_t dash = numbers.find('-');
    first = last = port_number(numbers.substr(0, dash));
    if (dash != std::string::npos) last = port_number(numbers.substr(dash + 1));
    if (last < first) throw Error{Errc::invalid, "Invalid range specified for the Port: " + numbers};
  }
  [[nodiscard]] bool holds(std::uint16_t number, const std::string& its_protocol) const {
    return number >= first && number <= last && its_protocol == protocol;
  }

  std::uint16_t first = 0;
  std::uint16_t last = 0;
  std::string protocol = "tcp";
};

// The filters "publish" and "expose": either is enough, and only what runs has ports.
struct PortFilter {
  explicit PortFilter(const Filter& filter) : publish(ranges(filter, "publish")), expose(ranges(filter, "expose")) {}

  [[nodiscard]] bool passes(const Container& container, const networks::Service& networks) const {
    if (publish.empty() && expose.empty()) return true;
    if (!is_alive(container.state)) return false;
    const auto in = [](const std::vector<PortRange>& all, std::uint16_t number, const std::string& protocol) {
      return std::any_of(all.begin(), all.end(), [&](const auto& range) { return range.holds(number, protocol); });
    };
    for (const auto& endpoint : networks.endpoints(container.id)) {
      for (const auto& port : endpoint.result.ports) {
        if (in(publish, port.host_port, port.protocol) || in(expose, port.container_port, port.protocol)) return true;
      }
    }
    return std::any_of(container.config.exposed_ports.begin(), container.config.exposed_ports.end(),
                       [&](const std::string& text) {
                         const auto port = parse_port(text);
                         return in(expose, port.number, port.protocol);
                       });
  }

  static std::vector<PortRange> ranges(const Filter& filter, const std::string& name) {
    std::vector<PortRange> all;
    const auto term = filter.terms.find(name);
    if (term == filter.terms.end()) return all;
    for (const std::string& value : term->second) {
      try {
        all.emplace_back(value);
      } catch (const Error& error) {
        throw Error{error.code(), "error while looking up for " + name + " " + value + ": " + error.what()};
      }
    }
    return all;
  }

  std::vector<PortRange> publish;
  std::vector<PortRange> expose;
};

bool names_network(const Container& container, const std::string& wanted) {
  for (const auto* endpoints : {&container.endpoints, &container.last_endpoints}) {
    for (const auto& [name, endpoint] : *endpoints) {
      if (name == wanted || endpoint.network_id.starts_with(wanted)) return true;
    }
  }
  return false;
}

bool matches_volume(const Container& container, const std::string& wanted) {
  return std::any_of(container.mounts.begin(), container.mounts.end(), [&](const MountPoint& place) {
    return place.destination == wanted || (place.name.empty() ? place.source : place.name) == wanted;
  });
}

bool matches_exit(const Container& container, const std::string& wanted) {
  return container.finished != 0 && !is_alive(container.state) && std::to_string(container.exit_code) == wanted;
}

// As dockerd: also what was made from the image that is named.
std::set<std::string> images_of(const Filter& filter, const images::Service& images) {
  std::set<std::string> all;
  const auto term = filter.terms.find("ancestor");
  if (term == filter.terms.end()) return all;
  for (const std::string& ancestor : term->second) all.merge(images.descendants(ancestor));
  return all;
}

bool is_true(const std::string& value) { return value == "1" || value == "true"; }
bool is_false(const std::string& value) { return value == "0" || value == "false"; }

bool matches(const Container& container, const std::string& name, const Values& values) {
  const auto plain = [&](auto test) { return any(values, [&](const std::string& value) { return test(value); }); };
  if (name == "id") return plain([&](const auto& v) { return !v.empty() && container.id.starts_with(v); });
  if (name == "name")
    return plain(
        [&](const auto& v) { return matches_text(v, "/" + container.name) || matches_text(v, container.name); });
  if (name == "label") return matches_labels(container.config.labels, values);
  if (name == "exited") return plain([&](const auto& v) { return matches_exit(container, v); });
  if (name == "status") return plain([&](const auto& v) { return v == to_string(container.shown_state()); });
  if (name == "volume") return plain([&](const auto& v) { return matches_volume(container, v); });
  if (name == "network") return plain([&](const auto& v) { return names_network(container, v); });
  if (name == "health") {
    const auto health = container.health ? to_string(container.health->status) : std::string_view("none");
    return plain([&](const auto& v) { return v == health; });
  }
  if (name == "is-task") return !is_true(values.front());
  return true;  // ancestor, before, since, publish, expose: by the caller; isolation: of Windows
}

void check_exit_code(const std::string& text) {
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error == std::errc{} && end == text.data() + text.size()) return;
  throw Error{Errc::invalid,
              "invalid filter 'exited=" + text + "': strconv.Atoi: parsing \"" + text + "\": invalid syntax"};
}

std::string go_list(const Values& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : " ") + value;
  return "[" + text + "]";
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
  if (const auto exited = filter.terms.find("exited"); exited != filter.terms.end()) {
    for (const auto& value : exited->second) check_exit_code(value);
  }
  if (const auto task = filter.terms.find("is-task"); task != filter.terms.end()) {
    if (task->second.size() != 1 || !(is_true(task->second.front()) || is_false(task->second.front()))) {
      throw Error{Errc::invalid, "invalid filter 'is-task=" + go_list(task->second) + "'"};
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
  const PortFilter ports{filter};
  Nanoseconds before = std::numeric_limits<Nanoseconds>::max();
  Nanoseconds since = std::numeric_limits<Nanoseconds>::min();
  if (const auto term = filter.terms.find("before"); term != filter.terms.end()) {
    for (const auto& value : term->second) before = std::min(before, find(value)->created);
  }
  if (const auto term = filter.terms.find("since"); term != filter.terms.end()) {
    for (const auto& value : term->second) since = std::max(since, find(value)->created);
  }
  // Asking for a state or for a number of them means those that don't run as well.
  const bool everything = filter.all || filter.limit > 0 || filter.terms.contains("status");
  const auto ancestors = filter.terms.find("ancestor");
  const bool by_image = ancestors != filter.terms.end() && !ancestors->second.empty();
  const std::set<std::string> images = images_of(filter, impl_->at.images);
  std::vector<Snapshot> found;
  for (const auto& container : all()) {
    if (!everything && !is_alive(container->state) && container->shown_state() != State::restarting) continue;
    if (container->created >= before || container->created <= since) continue;
    const bool passes = std::all_of(filter.terms.begin(), filter.terms.end(), [&](const auto& term) {
      // As dockerd: one without values is none.
      return term.second.empty() || matches(*container, term.first, term.second);
    });
    if (by_image && !images.contains(container->image_id)) continue;
    if (passes && ports.passes(*container, impl_->at.networks)) found.push_back(container);
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

std::vector<std::string> Service::writers_of_volume(const std::string& volume) const {
  std::vector<std::string> writers;
  for (const auto& [id, container] : impl_->table.all()) {
    if (!is_alive(container->state) || container->state == State::paused) continue;
    const bool writes = std::any_of(container->mounts.begin(), container->mounts.end(), [&](const MountPoint& place) {
      return place.type == "volume" && place.name == volume && place.writable;
    });
    if (writes) writers.push_back(id);
  }
  return writers;
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
