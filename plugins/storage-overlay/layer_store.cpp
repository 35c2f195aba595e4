#include "layer_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <sstream>
#include <utility>

#include "layer_archive/directory.hpp"
#include "layer_archive/names.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::overlay {
namespace {

using layer_archive::Directory;
using layer_archive::throw_errno;
using storage::v1::ChainId;

constexpr std::string_view kAlgorithm = "sha256:";

std::string base36(std::uint64_t number) {
  std::string digits;
  do {
    digits += "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
    number /= 36;
  } while (number != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace

LayerStore::LayerStore(std::string data_dir) : data_dir_(std::move(data_dir)) {
  layer_archive::make_directory(AT_FDCWD, data_dir_ + "/layers", 0700);
  layer_archive::make_directory(AT_FDCWD, data_dir_ + "/l", 0700);
  take_stock();
  remove_stale_links();
}

std::string LayerStore::directory(const ChainId& id) const {
  return data_dir_ + "/layers/" + layer_archive::hex_of_chain_id(id);
}

std::string LayerStore::tree(const ChainId& id) const { return directory(id) + "/tree"; }

void LayerStore::take_stock() {
  const Directory directory = Directory::open(AT_FDCWD, data_dir_ + "/layers");
  for (const layer_archive::Name& name : directory.names()) {
    const ChainId id = std::string{kAlgorithm} + name.text;
    if (!layer_archive::is_chain_id(id)) continue;
    std::istringstream record{layer_archive::read_text(this->directory(id) + "/layer")};
    Layer layer;
    if (record >> layer.short_name >> layer.size) layers_.emplace(id, std::move(layer));
  }
}

void LayerStore::remove_stale_links() {
  std::set<std::string> known;
  for (const auto& [id, layer] : layers_) known.insert(layer.short_name);
  const Directory links = Directory::open(AT_FDCWD, data_dir_ + "/l");
  for (const layer_archive::Name& name : links.names()) {
    if (!known.contains(name.text)) layer_archive::remove_tree(links.fd(), name.text);
  }
}

std::optional<Layer> LayerStore::find(const ChainId& id) const {
  const std::lock_guard lock{mutex_};
  const auto found = layers_.find(id);
  if (found == layers_.end()) return std::nullopt;
  return found->second;
}

Layer LayerStore::get(const ChainId& id) const {
  auto layer = find(id);
  if (!layer) throw Error{Errc::not_found, "no such layer: " + id};
  return *std::move(layer);
}

std::vector<ChainId> LayerStore::list() const {
  const std::lock_guard lock{mutex_};
  std::vector<ChainId> ids;
  ids.reserve(layers_.size());
  for (const auto& [id, layer] : layers_) ids.push_back(id);
  return ids;
}

std::string LayerStore::link_new_name(const ChainId& id) {
  const std::string target = "../layers/" + layer_archive::hex_of_chain_id(id) + "/tree";
  for (;;) {
    std::string name = base36(next_name_++);
    if (::symlink(target.c_str(), (data_dir_ + "/l/" + name).c_str()) == 0) return name;
    if (errno != EEXIST) throw_errno("cannot link a layer");
  }
}

Layer LayerStore::add(const ChainId& id, layer_archive::Scratch scratch, std::uint64_t size) {
  const std::lock_guard lock{mutex_};
  const Layer layer{link_new_name(id), size};
  try {
    layer_archive::write_text(scratch.path() + "/layer", layer.short_name + " " + std::to_string(size) + "\n");
    if (!scratch.move_to(directory(id))) throw Error{Errc::conflict, "the layer exists already: " + id};
  } catch (...) {
    ::unlink((data_dir_ + "/l/" + layer.short_name).c_str());
    throw;
  }
  layers_[id] = layer;
  return layer;
}

void LayerStore::remove(const ChainId& id) {
  {
    const std::lock_guard lock{mutex_};
    const auto found = layers_.find(id);
    if (found != layers_.end()) {
      ::unlink((data_dir_ + "/l/" + found->second.short_name).c_str());
      layers_.erase(found);
    }
  }
  layer_archive::Scratch::remove(data_dir_, directory(id));
}

}  // namespace gantry::overlay
