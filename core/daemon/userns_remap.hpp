#pragma once

#include <string>
#include <vector>

#include "gantry/runtime.hpp"

namespace gantry::daemon {

/// The files that say which ids a user may give to others (subuid(5), subgid(5)).
struct SubordinateFiles {
  std::string uids = "/etc/subuid";
  std::string gids = "/etc/subgid";
};

/// The maps of containers' user namespaces; none: they are in the host's.
struct IdMaps {
  std::vector<runtime::v1::IdMap> uids;
  std::vector<runtime::v1::IdMap> gids;
};

/// What dockerd understands by userns-remap: "", "default", "user", "user:group", "uid", "uid:gid". The ranges are
/// those of the user in both files. `default` is the name dockremap, which needs no account: without ranges it gets
/// 65536 ids that are nobody's, which go into the files if `allocate`. Errors: invalid, in dockerd's words; io.
IdMaps remapped_ids(const std::string& setting, bool allocate, const SubordinateFiles& files = {});

/// Errors: invalid if it is none of the forms.
void check_remap_form(const std::string& setting);

}  // namespace gantry::daemon
