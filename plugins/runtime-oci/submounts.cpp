#include "submounts.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "container_shim/container_files.hpp"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

namespace gantry::oci {

namespace {

/// The kernel writes a blank as \040.
std::string without_escapes(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size();
    out += escaped ? static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)) : text[i];
    if (escaped) i += 3;
  }
  return out;
}

bool is_seen(const Submount& mount) {
  // Without a word with the filesystem's server, which may be dead.
  constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  struct statx facts {};
  return ::statx(AT_FDCWD, mount.path.c_str(), flags, STATX_MNT_ID, &facts) == 0 && facts.stx_mnt_id == mount.id;
}

}  // namespace

std::vector<Submount> mounts_below(std::string_view mountinfo, const std::string& directory) {
  const std::string base = directory == "/" ? directory : directory + "/";
  std::vector<Submount> found;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    // 36 35 98:0 /root /mount/point options optional-fields... - type source options
    std::istringstream words(line);
    std::string id, parent, device, root, point, options;
    if (!(words >> id >> parent >> device >> root >> point >> options)) continue;
    bool bindable = true;
    for (std::string word; words >> word && word != "-";) bindable = bindable && word != "unbindable";
    std::string path = without_escapes(point);
    if (!bindable || path.size() <= base.size() || !path.starts_with(base)) continue;
    found.push_back({std::strtoull(id.c_str(), nullptr, 10), std::move(path)});
  }
  return found;
}

std::vector<std::string> visible_submounts(const std::string& directory) {
  std::error_code gone;
  const std::string real = std::filesystem::canonical(directory, gone);
  if (gone) return {};
  std::vector<std::string> paths;
  for (const Submount& mount : mounts_below(container_shim::read_text("/proc/self/mountinfo"), real)) {
    if (is_seen(mount)) paths.push_back(mount.path.substr(real == "/" ? 1 : real.size() + 1));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace gantry::oci
