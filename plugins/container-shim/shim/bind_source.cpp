#include "shim/bind_source.hpp"

#include <cerrno>

#include "shim/bind.hpp"

namespace gantry::container_shim {

void fail_below(const PlanMount& mount, int error, const ReportLine& line) {
  if (error == EXDEV) {
    line.fail(Errc::invalid,
              "path concatenation escapes the base directory, base: " + mount.source + ", subpath: " + mount.subpath);
  }
  const std::string path = mount.source + "/" + mount.subpath;
  line.fail_errno("cannot access path " + path + ": lstat " + path, error);
}

UniqueFd clone_source(const PlanMount& mount, const ReportLine& line) {
  UniqueFd tree = clone_tree(mount);
  if (!tree) {
    const int error = errno;
    const bool gone = error == ENOENT || error == ENOTDIR || error == ELOOP;
    if (gone && !mount.submount.empty()) return tree;
    if (!mount.subpath.empty()) fail_below(mount, error, line);
    if (error == ENOENT) line.fail(Errc::invalid, "bind source path does not exist: " + mount.source);
    line.fail_errno("error mounting \"" + mount.source + "\" to rootfs at \"" + mount.target + "\": open_tree", error);
  }
  return tree;
}

}  // namespace gantry::container_shim
