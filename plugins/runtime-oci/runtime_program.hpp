#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::oci {

/// The program's path, looked for in PATH if `name` has no slash; empty if there is none.
std::string find_runtime(const std::string& name);

/// What is wrong without it, and what would be right.
std::string missing_runtime(const std::string& name);

/// How the runtime sees the host: by this program, without these mounts.
struct RuntimeView {
  const std::string& program;
  const std::vector<std::string>& hidden;
  std::uint32_t time_limit = 0;  ///< Seconds; 0: as long as a removal may take at most.
};

/// `<command> delete --force <id>`. Errors: io.
void delete_container(const RuntimeView& view, const std::vector<std::string>& command, const std::string& id);

}  // namespace gantry::oci
