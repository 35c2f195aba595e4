#include "layer_trees/layer_merge.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::layer_trees {
namespace {

using layer_archive::Directory;
using layer_archive::Name;

void merge_directory(const Directory& layer, const Directory& tree, const std::string& path, const Call& call);

// The tree's directory of that name; whatever else bears the name goes.
Directory directory_in(const Directory& tree, const std::string& name) {
  struct stat present {};
  const bool exists = layer_archive::find(tree.fd(), name, present);
  if (exists && !S_ISDIR(present.st_mode)) layer_archive::remove_tree(tree.fd(), name);
  layer_archive::make_directory(tree.fd(), name, 0700);
  return Directory::open(tree.fd(), name);
}

void merge_entry(const Directory& layer, const Directory& tree, const std::string& name, const std::string& path,
                 const Call& call) {
  struct stat status {};
  if (!layer_archive::find(layer.fd(), name, status)) return;
  if (S_ISDIR(status.st_mode)) {
    merge_directory(Directory::open(layer.fd(), name), directory_in(tree, name), path + "/", call);
    return layer_archive::replace_attributes(layer.fd(), tree.fd(), name, status);
  }
  layer_archive::remove_tree(tree.fd(), name);
  if (layer_archive::is_whiteout(status)) return;
  if (::renameat(layer.fd(), name.c_str(), tree.fd(), name.c_str()) != 0) {
    layer_archive::throw_errno("cannot move " + layer_archive::quoted(name));
  }
}

void merge_directory(const Directory& layer, const Directory& tree, const std::string& path, const Call& call) {
  call.check();
  layer_archive::check_depth(path);
  if (layer_archive::is_opaque(layer.fd())) {
    for (const Name& name : tree.names()) layer_archive::remove_tree(tree.fd(), name.text);
  }
  for (const Name& name : layer.names()) merge_entry(layer, tree, name.text, path + name.text, call);
}

}  // namespace

void merge_layer(int layer, int tree, const Call& call) {
  // Moving files out changes the times of the layer's root.
  struct stat root {};
  if (!layer_archive::find(layer, ".", root)) layer_archive::throw_errno("cannot stat a layer", ENOENT);
  merge_directory(Directory::open(layer, "."), Directory::open(tree, "."), "", call);
  layer_archive::replace_attributes(layer, tree, ".", root);
}

}  // namespace gantry::layer_trees
