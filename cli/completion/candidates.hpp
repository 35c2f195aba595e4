#pragma once

#include <string>
#include <vector>

namespace gantry::cli {

class Context;

/// What may stand in the place of the last of `words` (which may be empty): commands, flags, the names of what a
/// command works on. Nothing where files are meant, or the daemon does not answer.
std::vector<std::string> completions(Context& context, const std::vector<std::string>& words);

}  // namespace gantry::cli
