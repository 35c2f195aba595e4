#include "top_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>
#include <utility>

#include "layer_archive/directory.hpp"
#include "layer_archive/names.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::overlay {

using layer_archive::throw_errno;
using storage::v1::ChainId;
using storage::v1::Key;

TopStore::TopStore(std::string data_dir) : data_dir_(std::move(data_dir)) {
  layer_archive::make_directory(AT_FDCWD, data_dir_ + "/tops", 0700);
}

std::string TopStore::directory(const Key& key) const {
  layer_archive::check_key(key);
  return data_dir_ + "/tops/" + key;
}

bool TopStore::contains(const Key& key) const { return ::access(directory(key).c_str(), F_OK) == 0; }

std::vector<ChainId> TopStore::layers(const Key& key) const {
  const std::string place = directory(key);
  if (!contains(key)) throw Error{Errc::not_found, "no such writable top: " + key};
  std::istringstream record{layer_archive::read_text(place + "/layers")};
  std::vector<ChainId> layers;
  for (std::string line; std::getline(record, line);) layers.push_back(line);
  return layers;
}

std::string TopStore::work(const Key& key) const { return directory(key) + "/work"; }
std::string TopStore::upper(const Key& key) const { return directory(key) + "/upper"; }

std::vector<Key> TopStore::list() const {
  std::vector<Key> keys;
  for (auto& name : layer_archive::Directory::open(AT_FDCWD, data_dir_ + "/tops").names())
    keys.push_back(std::move(name.text));
  return keys;
}

void TopStore::add(const Key& key, const std::vector<ChainId>& layers,
                   const std::function<void(const std::string& directory)>& limit) {
  const std::string place = directory(key);
  layer_archive::Scratch scratch{data_dir_};
  // Both directories are to be of one project: overlayfs moves files from one into the other.
  limit(scratch.path());
  const std::string upper = scratch.path() + "/upper";
  // The upper directory's own owner and mode are those of the container's "/".
  layer_archive::make_directory(AT_FDCWD, upper, 0755);
  layer_archive::make_directory(AT_FDCWD, scratch.path() + "/work", 0700);
  std::string record;
  for (const ChainId& layer : layers) record += layer + "\n";
  layer_archive::write_text(scratch.path() + "/layers", record);
  if (!scratch.move_to(place)) throw Error{Errc::conflict, "the writable top exists already: " + key};
}

void TopStore::remove(const Key& key) { layer_archive::Scratch::remove(data_dir_, directory(key)); }

}  // namespace gantry::overlay
