#pragma once

#include <map>
#include <string>

namespace gantry::e2e::differential {

/// A transcript without what differs from run to run and from host to host: ids, times, addresses, ports that were
/// chosen, sizes, process ids. JSON lines get sorted members. `words` are replaced first (data root, versions).
std::string normalise(const std::string& transcript, const std::map<std::string, std::string>& words);

}  // namespace gantry::e2e::differential
