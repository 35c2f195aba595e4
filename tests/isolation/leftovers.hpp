#pragma once

#include <filesystem>
#include <string>

namespace gantry {

/// Removes the cgroups below `cgroup`, in each hierarchy, and the directory: of a run whose processes have ended.
void remove_leftovers(const std::string& cgroup, const std::filesystem::path& directory);

}  // namespace gantry
