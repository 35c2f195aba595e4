#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gantry/abi.hpp"
#include "gantry/volume.hpp"
#include "gantry/volume_copier.hpp"
#include "project_quota/project_quota.hpp"
#include "volume_store.hpp"

namespace gantry::local {

/// Volumes as directories of this host, or as whatever mount(2) can put into one.
class LocalDriver : public volume::v1::Driver, public volume::v1::Copier {
 public:
  void* query(std::string_view ability) noexcept override;
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void create(const std::string& name, const Options& options, volume::v1::Volume& out, const Call& call) override;
  void remove(const std::string& name, const Call& call) override;
  void inspect(const std::string& name, volume::v1::Volume& out, const Call& call) override;
  void mount(const std::string& name, const std::string& user, Mount& out, const Call& call) override;
  void unmount(const std::string& name, const std::string& user, const Call& call) override;
  void usage(const std::string& name, volume::v1::Usage& out, const Call& call) override;
  void list(std::vector<std::string>& out, const Call& call) override;

  void clone(const std::string& from, const std::string& to, volume::v1::Volume& out, const Call& call) override;
  void rename(const std::string& from, const std::string& to, volume::v1::Volume& out, const Call& call) override;

 private:
  void mount_for(const std::string& name, const Options& options, const std::string& user);

  void set_limit(const std::string& data, const Options& options);

  std::unique_ptr<VolumeStore> store_;
  std::unique_ptr<project_quota::ProjectQuota> quota_;
};

}  // namespace gantry::local
