#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::oci {

struct Submount {
  std::uint64_t id{};
  std::string path;
};

/// The mounts strictly below `directory` that can be bound, by /proc/<pid>/mountinfo; those that are covered by others
/// as well.
std::vector<Submount> mounts_below(std::string_view mountinfo, const std::string& directory);

/// What is mounted below `directory` and can be seen there, as paths relative to it, parents first.
std::vector<std::string> visible_submounts(const std::string& directory);

}  // namespace gantry::oci
