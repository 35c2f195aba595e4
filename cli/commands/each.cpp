#include "commands/each.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>

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

int ask_for_each_name(Client& client, std::string_view method, const std::vector<std::string>& names,
                      const std::function<std::string(const std::string&)>& path,
                      const std::function<bool(const DaemonError&)>& forgiven) {
  constexpr std::size_t kAtOnce = 50;
  if (names.size() > 1) client.call("GET", "/_ping");  // From here on the API's version is known.
  std::string failures;
  int code = 0;
  for (std::size_t first = 0; first < names.size(); first += kAtOnce) {
    const std::size_t end = std::min(first + kAtOnce, names.size());
    std::vector<std::unique_ptr<Exchange>> under_way;
    for (std::size_t i = first; i < end && names.size() > 1; ++i)
      under_way.push_back(client.begin(method, path(names[i])));
    for (std::size_t i = first; i < end; ++i) {
      try {
        if (under_way.empty()) {
          client.call(method, path(names[i]));
        } else {
          client.finish(*under_way[i - first]);
        }
        std::printf("%s\n", names[i].c_str());
      } catch (const DaemonError& error) {
        failures += std::string(error.what()) + "\n";
        if (!forgiven || !forgiven(error)) code = 1;
      }
    }
  }
  std::fflush(stdout);
  std::fputs(failures.c_str(), stderr);
  return code;
}

}  // namespace gantry::cli
