#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

class Context;
struct Command;

/// What may stand as the value of `command`'s flag `name`, of which `begun` is typed. Nothing where files are meant, or
/// nobody knows. Throws if the daemon is to be asked and does not answer.
std::vector<std::string> flag_values(Context& context, const Command& command, std::string_view name,
                                     const std::string& begun);

}  // namespace gantry::cli
