#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::container_shim {

/// Shows this process, and what it forks, in `ps` as a program with these arguments. Where the kernel does not let it
/// (it needs CONFIG_CHECKPOINT_RESTORE) nothing changes. Reads /proc/self.
void show_as(std::string_view name, const std::vector<std::string>& arguments);

}  // namespace gantry::container_shim
