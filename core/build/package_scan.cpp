#include "build/package_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/root_path.hpp"
#include "gantry/regular_file.hpp"

namespace gantry::build {
namespace {

/// A system of ten thousand packages has a list of 30 MB.
constexpr std::size_t kLargestList = std::size_t{64} << 20;
constexpr std::size_t kLargestFile = std::size_t{1} << 20;
/// In one directory of lists.
constexpr std::size_t kMostFiles = 10'000;

/// Nothing if it is no plain file, or larger than `limit`.
std::string read_plain(int root, const std::string& path, std::size_t limit) {
  const UniqueFd found = open_in_root(root, path, O_PATH | O_CLOEXEC);
  struct stat status {};
  const UniqueFd file = open_regular(found.get(), status);
  if (!file || status.st_size < 0 || static_cast<std::uint64_t>(status.st_size) > limit) return {};
  std::string out(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t got = 0;
  while (got < out.size()) {
    const ssize_t more = ::read(file.get(), out.data() + got, out.size() - got);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) break;
    got += static_cast<std::size_t>(more);
  }
  out.resize(got);
  return out;
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// The names in a directory, in order.
std::vector<std::string> names_in(int root, const std::string& path) {
  UniqueFd opened = open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!opened) return {};
  const std::unique_ptr<DIR, CloseDirectory> directory{::fdopendir(opened.get())};
  if (directory == nullptr) return {};
  static_cast<void>(opened.release());
  std::vector<std::string> out;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.' && out.size() < kMostFiles) out.emplace_back(entry->d_name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Inventory scan_packages(int root, const std::function<void()>& check) {
  Inventory out;
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    if (out.distribution.id.empty()) out.distribution = parse_distribution(read_plain(root, path, kLargestFile));
  }
  add_debian_packages(read_plain(root, "/var/lib/dpkg/status", kLargestList), "/var/lib/dpkg/status", out.packages);
  // Images without dpkg, made of its packages (distroless).
  const std::string lists = "/var/lib/dpkg/status.d";
  for (const std::string& name : names_in(root, lists)) {
    check();
    if (name.ends_with(".md5sums")) continue;
    const std::string path = lists + "/" + name;
    add_debian_packages(read_plain(root, path, kLargestFile), path, out.packages);
  }
  for (const char* path : {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}) {
    check();
    const std::size_t before = out.packages.size();
    add_alpine_packages(read_plain(root, path, kLargestList), path, out.packages);
    // Where /lib is /usr/lib, both are one.
    if (out.packages.size() > before) break;
  }
  return out;
}

}  // namespace gantry::build
