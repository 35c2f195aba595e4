#include "layer_trees/tree_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <sstream>
#include <utility>

#include "layer_archive/directory.hpp"
#include "layer_archive/names.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::layer_trees {

using layer_archive::Directory;
using layer_archive::Scratch;
using storage::v1::ChainId;
using storage::v1::Key;

TreeStore::TreeStore(std::string data_dir, std::string tree) : data_dir_(std::move(data_dir)), tree_(std::move(tree)) {
  layer_archive::make_directory(AT_FDCWD, data_dir_ + "/layers", 0700);
  layer_archive::make_directory(AT_FDCWD, data_dir_ + "/tops", 0700);
  layer_archive::make_directory(AT_FDCWD, data_dir_ + "/empty", 0755);
}

std::string TreeStore::layer(const ChainId& id) const {
  return data_dir_ + "/layers/" + layer_archive::hex_of_chain_id(id);
}

std::string TreeStore::top(const Key& key) const {
  layer_archive::check_key(key);
  return data_dir_ + "/tops/" + key;
}

bool TreeStore::has_layer(const ChainId& id) const { return ::access(layer(id).c_str(), F_OK) == 0; }

std::uint64_t TreeStore::layer_size(const ChainId& id) const {
  std::istringstream record{layer_archive::read_text(layer(id) + "/size")};
  std::uint64_t size = 0;
  record >> size;
  return size;
}

std::string TreeStore::layer_tree(const std::vector<ChainId>& layers) const {
  for (const ChainId& id : layers) {
    if (!has_layer(id)) throw Error{Errc::not_found, "no such layer: " + id};
  }
  return layers.empty() ? data_dir_ + "/empty" : layer(layers.back()) + "/" + tree_;
}

void TreeStore::add_layer(const ChainId& id, Scratch scratch, std::uint64_t size) {
  layer_archive::write_text(scratch.path() + "/size", std::to_string(size) + "\n");
  if (!scratch.move_to(layer(id))) throw Error{Errc::conflict, "the layer exists already: " + id};
}

Scratch TreeStore::take(const std::string& place) const {
  Scratch grave{data_dir_};
  if (::rename(place.c_str(), (grave.path() + "/taken").c_str()) != 0 && errno != ENOENT) {
    layer_archive::throw_errno("cannot remove " + place);
  }
  return grave;
}

Scratch TreeStore::take_layer(const ChainId& id) { return take(layer(id)); }

std::vector<ChainId> TreeStore::layers() const {
  std::vector<ChainId> ids;
  for (const auto& name : Directory::open(AT_FDCWD, data_dir_ + "/layers").names()) {
    if (layer_archive::is_chain_id("sha256:" + name.text)) ids.push_back("sha256:" + name.text);
  }
  return ids;
}

bool TreeStore::has_top(const Key& key) const { return ::access(top(key).c_str(), F_OK) == 0; }

std::string TreeStore::top_tree(const Key& key) const {
  if (!has_top(key)) throw Error{Errc::not_found, "no such writable top: " + key};
  return top(key) + "/" + tree_;
}

std::vector<ChainId> TreeStore::top_layers(const Key& key) const {
  std::istringstream record{layer_archive::read_text(top(key) + "/layers")};
  std::vector<ChainId> layers;
  for (std::string line; std::getline(record, line);) layers.push_back(line);
  return layers;
}

void TreeStore::add_top(const Key& key, Scratch scratch, const std::vector<ChainId>& layers) {
  const std::string root = scratch.path() + "/" + tree_;
  if (::chown(root.c_str(), 0, 0) != 0 || ::chmod(root.c_str(), 0755) != 0) {
    layer_archive::throw_errno("cannot set the owner and mode of " + root);
  }
  std::string record;
  for (const ChainId& layer : layers) record += layer + "\n";
  layer_archive::write_text(scratch.path() + "/layers", record);
  if (!scratch.move_to(top(key))) throw Error{Errc::conflict, "the writable top exists already: " + key};
}

Scratch TreeStore::take_top(const Key& key) { return take(top(key)); }

std::vector<Key> TreeStore::tops() const {
  std::vector<Key> keys;
  for (auto& name : Directory::open(AT_FDCWD, data_dir_ + "/tops").names()) keys.push_back(std::move(name.text));
  return keys;
}

}  // namespace gantry::layer_trees
