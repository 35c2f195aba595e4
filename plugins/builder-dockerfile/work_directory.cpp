#include "work_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>

#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::dockerfile {

WorkDirectory::WorkDirectory(const std::string& parent) : path_(parent + "/build-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) layer_archive::throw_errno("cannot make a directory in " + parent);
}

WorkDirectory::~WorkDirectory() {
  try {
    layer_archive::remove_tree(AT_FDCWD, path_);
  } catch (const std::exception&) {
    // The next `open` of the driver removes it.
  }
}

std::string WorkDirectory::make(const std::string& name) const {
  layer_archive::make_directory(AT_FDCWD, path_ + "/" + name, 0755);
  return path_ + "/" + name;
}

UniqueFd open_directory(const std::string& path) {
  UniqueFd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) layer_archive::throw_errno("cannot open " + path);
  return directory;
}

}  // namespace gantry::dockerfile
