#include "images/early_layers.hpp"

#include <array>
#include <utility>

#include "gantry/error.hpp"
#include "images/image_config.hpp"
#include "images/manifest.hpp"

namespace gantry::images {
namespace {

/// No more than these are looked at: archives have few images, and images few layers.
constexpr int kMostConfigs = 64;
constexpr std::size_t kMostLayers = 2048;
constexpr std::uint64_t kLargestConfig = std::uint64_t{1} << 20;

}  // namespace

EarlyLayers::EarlyLayers(Context& context, asio::any_io_executor io)
    : context_(context), io_(std::move(io)), possible_(context.drivers.storage().can("parallel-apply")) {}

void EarlyLayers::take(const ArchiveFiles::File& file) {
  if (!possible_) return;
  stored_[file.digest] = file.size;
  if (file.size <= kLargestConfig) take_config(file);
  start_if_there(file.digest);
}

void EarlyLayers::take_config(const ArchiveFiles::File& file) {
  if (configs_ >= kMostConfigs || !may_be_json(file)) return;
  Image image;
  try {
    parse_image_config(context_.blobs.read(file.digest, kLargestConfig), image);
  } catch (const Error&) {
    return;  // It is something else.
  }
  ++configs_;
  const auto chain = std::make_shared<const std::vector<std::string>>(std::move(image.chain_ids));
  for (std::size_t at = 0; at < image.diff_ids.size(); ++at) {
    if (wanted_.size() >= kMostLayers) return;
    const std::string& diff_id = image.diff_ids[at];
    if (wanted_.emplace(diff_id, Wanted{chain, at}).second) start_if_there(diff_id);
  }
}

bool EarlyLayers::may_be_json(const ArchiveFiles::File& file) const {
  std::array<std::byte, 1> first{};
  return FileSource{context_.blobs.open(file.digest)}.read(first) == 1 && first[0] == std::byte{'{'};
}

void EarlyLayers::start_if_there(const std::string& digest) {
  const auto stored = stored_.find(digest);
  const auto wanted = wanted_.find(digest);
  if (stored == stored_.end() || wanted == wanted_.end() || std::exchange(wanted->second.is_started, true)) return;
  const auto& [chain, at, started] = wanted->second;
  Layer layer;
  layer.blob.media_type = media_type::kOciLayer;
  layer.blob.digest = layer.diff_id = digest;
  layer.blob.size = stored->second;
  layer.is_new = true;
  layer.chain_id = chain->at(at);
  layer.parents = {chain->begin(), chain->begin() + static_cast<std::ptrdiff_t>(at)};
  asio::post(io_, [self = shared_from_this(), layer = std::move(layer)]() mutable { self->start(std::move(layer)); });
}

void EarlyLayers::start(Layer layer) {
  if (left_ || context_.layers.has(layer.chain_id)) return;
  pins_.emplace_back(context_.layers, std::set<std::string>{layer.chain_id});
  transfers_.push_back(context_.layers.transfer(io_, std::move(layer), std::nullopt));
}

awaitable<void> EarlyLayers::leave() {
  left_ = true;
  co_await images::leave(transfers_);
  pins_.clear();
}

}  // namespace gantry::images
