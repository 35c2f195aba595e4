#include "containers/propagation.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

#include "base/file.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

struct Place {
  std::string path;
  bool shared{};
  bool slave{};
};

// proc(5): blanks and backslashes of a path are octal.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size()) {
      out += static_cast<char>(std::strtol(text.substr(at + 1, 3).c_str(), nullptr, 8));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

bool lies_on(const std::string& path, const std::string& mount) {
  if (mount == "/" || path == mount) return true;
  return path.starts_with(mount) && path[mount.size()] == '/';
}

// The last one wins: of several mounts at one place it is the one on top.
Place place_of(const std::string& path, const std::string& mountinfo) {
  Place best;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    std::vector<std::string> fields;
    while (words >> word && word != "-") fields.push_back(word);
    if (fields.size() < 6) continue;
    Place place{unescape(fields[4]), false, false};
    if (!lies_on(path, place.path) || place.path.size() < best.path.size()) continue;
    for (std::size_t at = 6; at < fields.size(); ++at) {
      if (fields[at].starts_with("shared:")) place.shared = true;
      if (fields[at].starts_with("master:")) place.slave = true;
    }
    best = std::move(place);
  }
  return best;
}

}  // namespace

void check_propagation(const std::string& source, const std::string& propagation, const std::string& mountinfo) {
  const bool shared = propagation == "shared" || propagation == "rshared";
  const bool slave = propagation == "slave" || propagation == "rslave";
  if (!shared && !slave) return;
  std::error_code unresolved;
  const auto resolved = std::filesystem::canonical(source, unresolved);
  const Place place = place_of(unresolved ? source : resolved.string(), mountinfo);
  if (place.shared || (slave && place.slave)) return;
  throw Error{Errc::invalid, "path " + source + " is mounted on " + place.path + " but it is not a shared " +
                                 (shared ? "mount" : "or slave mount")};
}

void check_propagation(const std::string& source, const std::string& propagation) {
  if (propagation.empty() || propagation == "rprivate" || propagation == "private") return;
  check_propagation(source, propagation, read_file("/proc/self/mountinfo"));
}

}  // namespace gantry::containers
