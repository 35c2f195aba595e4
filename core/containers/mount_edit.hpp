#pragma once

#include "containers/container.hpp"

/// Mounts that come and go, of a container that may be running.
namespace gantry::containers {

struct NewMount {
  wire::MountRequest asked;
  MountPoint place;
  bool late{};  ///< There is something to be taken away first: at its place, below or above it.
};

/// In the order in which it can be done.
struct MountPlan {
  std::vector<NewMount> made;    ///< The late ones behind the others, outer ones before what is in them.
  std::vector<MountPoint> gone;  ///< Inner ones before what they are in.
};

/// `runs`: whether it will be done at once. Errors: invalid, not_found (no mount there), conflict (two at one place),
/// unsupported (an image into a running container).
MountPlan plan_mounts(const Container& container, const std::vector<wire::MountRequest>& add,
                      const std::vector<std::string>& remove, bool runs);

/// What is on record once it is done.
void apply(Container& record, const MountPlan& plan);

}  // namespace gantry::containers
