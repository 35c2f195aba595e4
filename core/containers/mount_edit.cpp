#include "containers/mount_edit.hpp"

#include <algorithm>
#include <set>

#include "containers/mount_points.hpp"
#include "containers/spec.hpp"

namespace gantry::containers {

namespace {

bool holds(const std::string& outer, const std::string& inner) {
  return inner == outer || outer == "/" || inner.starts_with(outer + "/");
}

bool overlap(const MountPoint& a, const MountPoint& b) {
  return holds(a.destination, b.destination) || holds(b.destination, a.destination);
}

std::vector<MountPoint> old_places(const Container& container, const std::vector<std::string>& destinations) {
  std::vector<MountPoint> places;
  std::set<std::string> wanted;
  for (const std::string& text : destinations) wanted.insert(clean_path(text));
  for (const std::string& destination : wanted) {
    const auto found = std::find_if(container.mounts.begin(), container.mounts.end(),
                                    [&](const MountPoint& place) { return place.destination == destination; });
    if (found == container.mounts.end()) {
      throw Error{Errc::not_found, "container " + container.name + " has no mount at " + destination};
    }
    places.push_back(*found);
  }
  sort_by_depth(places);
  std::reverse(places.begin(), places.end());
  return places;
}

// What a start would refuse for its form is refused now.
MountPoint new_place(const wire::MountRequest& request, bool runs) {
  MountPoint place = parse_mount(request);
  check_no_nul(place);
  if (const std::string conflict = readonly_conflict(request); !conflict.empty()) throw Error{Errc::invalid, conflict};
  if (place.anonymous) {
    throw Error{Errc::invalid, "invalid mount config for type \"volume\": a volume that is added needs a name"};
  }
  const Mount volume;
  if (runs || place.type != "image") (void)build_mount(place, &volume);
  return place;
}

void forget(Container& record, const MountPoint& gone) {
  const auto is_it = [&](const std::string& destination) { return clean_path(destination) == gone.destination; };
  std::erase_if(record.mounts, [&](const MountPoint& place) { return is_it(place.destination); });
  wire::HostConfig& host = record.host_config;
  std::erase_if(host.mounts, [&](const wire::MountRequest& mount) { return is_it(mount.target); });
  std::erase_if(host.binds, [&](const std::string& bind) { return is_it(parse_bind(bind, "").destination); });
  std::erase_if(host.tmpfs, [&](const auto& entry) { return is_it(entry.first); });
}

}  // namespace

MountPlan plan_mounts(const Container& container, const std::vector<wire::MountRequest>& add,
                      const std::vector<std::string>& remove, bool runs) {
  MountPlan plan;
  plan.gone = old_places(container, remove);
  std::set<std::string> taken;
  for (const MountPoint& place : container.mounts) taken.insert(place.destination);
  for (const MountPoint& place : plan.gone) taken.erase(place.destination);
  for (const wire::MountRequest& request : add) {
    NewMount made{request, new_place(request, runs), false};
    if (!taken.insert(made.place.destination).second) {
      throw Error{Errc::conflict, "Duplicate mount point: " + made.place.destination};
    }
    plan.made.push_back(std::move(made));
  }
  std::stable_sort(plan.made.begin(), plan.made.end(),
                   [](const NewMount& a, const NewMount& b) { return is_outer(a.place, b.place); });
  for (auto made = plan.made.begin(); made != plan.made.end(); ++made) {
    const auto overlaps = [&](const MountPoint& gone) { return overlap(gone, made->place); };
    const auto holds_it = [&](const NewMount& outer) {
      return outer.late && holds(outer.place.destination, made->place.destination);
    };
    made->late =
        std::any_of(plan.gone.begin(), plan.gone.end(), overlaps) || std::any_of(plan.made.begin(), made, holds_it);
  }
  std::stable_partition(plan.made.begin(), plan.made.end(), [](const NewMount& made) { return !made.late; });
  return plan;
}

void apply(Container& record, const MountPlan& plan) {
  for (const MountPoint& place : plan.gone) forget(record, place);
  for (const NewMount& made : plan.made) {
    record.host_config.mounts.push_back(made.asked);
    record.mounts.push_back(made.place);
  }
  sort_by_depth(record.mounts);
}

}  // namespace gantry::containers
