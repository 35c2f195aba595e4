#include "commands/each.hpp"

#include <cstdio>
#include <stdexcept>

#include "client/client.hpp"

namespace gantry::cli {

int for_each_name(const std::vector<std::string>& names, const std::function<void(const std::string&)>& act,
                  bool silent) {
  std::string failures;
  for (const std::string& name : names) {
    try {
      act(name);
      if (!silent) std::printf("%s\n", name.c_str());
    } catch (const DaemonError& error) {
      failures += std::string(error.what()) + "\n";
    }
  }
  std::fflush(stdout);
  std::fputs(failures.c_str(), stderr);
  return failures.empty() ? 0 : 1;
}

}  // namespace gantry::cli
