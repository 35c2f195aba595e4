#include "vfs_driver.hpp"

#include <fcntl.h>

#include "layer_archive/directory.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::vfs {

using layer_archive::Directory;

void VfsDriver::copy_into(const layer_archive::Scratch& scratch, const std::string& original, const Call& call) const {
  const std::string tree = scratch.path() + "/tree";
  layer_archive::make_directory(AT_FDCWD, tree, 0755);
  layer_archive::copy_tree(Directory::open(AT_FDCWD, original).fd(), Directory::open(AT_FDCWD, tree).fd(), call);
}

}  // namespace gantry::vfs
