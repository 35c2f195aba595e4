#include "overlay_driver.hpp"

#include <fcntl.h>

#include "kernel_check.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/names.hpp"
#include "layer_archive/scratch.hpp"
#include "layer_archive/tree.hpp"
#include "layer_archive/unpack.hpp"
#include "lower_view.hpp"
#include "upper_changes.hpp"

namespace gantry::overlay {

using layer_archive::Directory;
using layer_archive::Scratch;
using storage::v1::AppliedLayer;
using storage::v1::ChainId;
using storage::v1::Change;
using storage::v1::Holdings;
using storage::v1::Key;
using storage::v1::PrepareOptions;
using storage::v1::TopPlaces;
using storage::v1::Usage;

namespace {

constexpr std::size_t kMostLayers = 500;       // OVL_MAX_STACK
constexpr std::size_t kLongestOptions = 4095;  // mount(2) takes one page

constexpr const char* kSize = "size";
constexpr std::uint32_t kFirstProject = 0x67200000;  // of a million numbers that are this driver's

// Relative to the directory of links. Overlayfs needs one lower directory at least.
constexpr const char* kEmptyLayer = "../empty";

}  // namespace

void* OverlayDriver::query(std::string_view ability) noexcept {
  return ability == TopPlaces::kAbility ? static_cast<TopPlaces*>(this) : nullptr;
}

void OverlayDriver::capabilities(Capabilities& out) const { out = {"parallel-apply", TopPlaces::kAbility}; }

void OverlayDriver::options(std::vector<OptionInfo>& out) const {
  out = {{kSize, OptionType::size, OptionScope::driver, "",
          "limit of what a container writes, if it asks for no other: needs a filesystem with project quotas"}};
}

void OverlayDriver::open(Host& host) {
  data_dir_ = host.data_dir();
  Scratch::clean(host);
  check_kernel(data_dir_);
  layer_archive::make_directory(AT_FDCWD, data_dir_ + "/empty", 0755);
  layers_ = std::make_unique<LayerStore>(data_dir_);
  tops_ = std::make_unique<TopStore>(data_dir_);
  quota_ = std::make_unique<project_quota::ProjectQuota>(data_dir_, kFirstProject);
  const auto size = host.options().find(kSize);
  if (size == host.options().end() || size->second.empty()) return;
  default_limit_ = project_quota::parse_size(size->second);
  if (default_limit_ != 0 && !quota_->enforced()) {
    throw Error{Errc::unsupported, "option size: " + data_dir_ +
                                       " is on a filesystem without project quotas: xfs with 'pquota' or ext4 with "
                                       "'prjquota' as a mount option has them"};
  }
}

void OverlayDriver::apply(const ChainId& id, const std::vector<ChainId>& /*parents*/, ByteSource& tar,
                          AppliedLayer& out, const Call& call) {
  if (const auto layer = layers_->find(id)) {
    out.size = layer->size;
    return;
  }
  layer_archive::hex_of_chain_id(id);
  Scratch scratch{data_dir_, Scratch::ForLayer::yes};
  const std::string tree = scratch.path() + "/tree";
  layer_archive::make_directory(AT_FDCWD, tree, 0755);
  const Directory root = Directory::open(AT_FDCWD, tree);
  const auto unpacked = layer_archive::unpack(tar, root.fd(), call);
  out.size = layers_->add(id, std::move(scratch), unpacked.size).size;
}

void OverlayDriver::remove_layer(const ChainId& id, const Call& /*call*/) { layers_->remove(id); }

void OverlayDriver::prepare(const Key& key, const std::vector<ChainId>& layers, const PrepareOptions& options,
                            std::vector<Mount>& out, const Call& /*call*/) {
  if (options.size_limit != 0 && !quota_->enforced()) {
    throw Error{
        Errc::unsupported,
        "--storage-opt is supported only for overlay over xfs with 'pquota' mount option, or ext4 with 'prjquota'"};
  }
  if (layers.size() > kMostLayers) {
    throw Error{Errc::exhausted, "the image has " + std::to_string(layers.size()) +
                                     " layers; overlayfs takes at most " + std::to_string(kMostLayers)};
  }
  const Mount mount = mount_of(key, layers);
  if (!tops_->contains(key)) {
    const std::uint64_t limit = options.size_limit != 0 ? options.size_limit : default_limit_;
    tops_->add(key, layers, [&](const std::string& directory) {
      if (limit != 0) quota_->limit(directory, limit);
    });
  } else if (tops_->layers(key) != layers) {
    throw Error{Errc::conflict, "the writable top " + key + " exists over other layers"};
  }
  out = {mount};
}

Mount OverlayDriver::mount_of(const Key& key, const std::vector<ChainId>& layers) const {
  std::string lower = "lowerdir=";
  if (layers.empty()) lower += kEmptyLayer;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (layer != layers.rbegin()) lower += ':';
    lower += layers_->get(*layer).short_name;
  }
  const std::string top = "../tops/" + key;
  Mount mount{"overlay", "overlay", "", data_dir_ + "/l", {}};
  // What a host's kernel has as its default must not change what an upper directory looks like.
  mount.options = {lower,       "upperdir=" + top + "/upper", "workdir=" + top + "/work",
                   "index=off", "redirect_dir=off",           "metacopy=off"};
  std::size_t length = 0;
  for (const std::string& option : mount.options) length += option.size() + 1;
  if (length > kLongestOptions) throw Error{Errc::exhausted, "the image has too many layers for one mount"};
  return mount;
}

void OverlayDriver::mounts(const Key& key, std::vector<Mount>& out, const Call& /*call*/) {
  out = {mount_of(key, tops_->layers(key))};
}

void OverlayDriver::remove(const Key& key, const Call& /*call*/) {
  const std::uint32_t project = project_quota::ProjectQuota::project_of(tops_->directory(key));
  tops_->remove(key);
  quota_->forget(project);
}

void OverlayDriver::usage(const Key& key, Usage& out, const Call& call) {
  static_cast<void>(tops_->layers(key));
  const layer_archive::TreeSize size = layer_archive::measure(AT_FDCWD, tops_->upper(key), call);
  out.size = size.bytes;
  out.inodes = size.inodes;
}

std::vector<std::string> OverlayDriver::trees_of(const Key& key) const {
  const std::vector<ChainId> layers = tops_->layers(key);
  std::vector<std::string> trees;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    static_cast<void>(layers_->get(*layer));
    trees.push_back(layers_->tree(*layer));
  }
  return trees;
}

void OverlayDriver::places(const std::string& key, std::map<std::string, std::string>& out, const Call& /*call*/) {
  std::string lower;
  const auto trees = trees_of(key);
  for (const std::string& tree : trees) lower += (lower.empty() ? "" : ":") + tree;
  if (!lower.empty()) out["LowerDir"] = lower;
  out["UpperDir"] = tops_->upper(key);
  out["WorkDir"] = tops_->work(key);
}

void OverlayDriver::changes(const Key& key, std::vector<Change>& out, const Call& call) {
  out = upper_changes(tops_->upper(key), LowerView{trees_of(key)}, call);
}

void OverlayDriver::diff(const Key& key, ByteSink& tar, const Call& call) {
  write_upper(tops_->upper(key), LowerView{trees_of(key)}, tar, call);
}

void OverlayDriver::list(Holdings& out, const Call& /*call*/) {
  out.layers = layers_->list();
  out.keys = tops_->list();
}

}  // namespace gantry::overlay
