#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.hpp"
#include "gantry/storage.hpp"
#include "gantry/top_places.hpp"
#include "layer_store.hpp"
#include "project_quota/project_quota.hpp"
#include "top_store.hpp"

namespace gantry::overlay {

/// Layers as lower directories of the kernel's overlayfs, tops as upper ones.
class OverlayDriver : public storage::v1::Driver, public storage::v1::TopPlaces {
 public:
  void* query(std::string_view ability) noexcept override;
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void apply(const storage::v1::ChainId& id, const std::vector<storage::v1::ChainId>& parents, ByteSource& tar,
             storage::v1::AppliedLayer& out, const Call& call) override;
  void remove_layer(const storage::v1::ChainId& id, const Call& call) override;
  void prepare(const storage::v1::Key& key, const std::vector<storage::v1::ChainId>& layers,
               const storage::v1::PrepareOptions& options, std::vector<Mount>& out, const Call& call) override;
  void mounts(const storage::v1::Key& key, std::vector<Mount>& out, const Call& call) override;
  void remove(const storage::v1::Key& key, const Call& call) override;
  void usage(const storage::v1::Key& key, storage::v1::Usage& out, const Call& call) override;
  void changes(const storage::v1::Key& key, std::vector<storage::v1::Change>& out, const Call& call) override;
  void diff(const storage::v1::Key& key, ByteSink& tar, const Call& call) override;
  void list(storage::v1::Holdings& out, const Call& call) override;
  void places(const std::string& key, std::map<std::string, std::string>& out, const Call& call) override;

 private:
  [[nodiscard]] Mount mount_of(const storage::v1::Key& key, const std::vector<storage::v1::ChainId>& layers) const;
  [[nodiscard]] std::vector<std::string> trees_of(const storage::v1::Key& key) const;

  std::string data_dir_;
  std::unique_ptr<LayerStore> layers_;
  std::unique_ptr<TopStore> tops_;
  std::unique_ptr<project_quota::ProjectQuota> quota_;
  std::uint64_t default_limit_ = 0;  ///< Of tops that ask for none; 0: none.
};

}  // namespace gantry::overlay
