#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "docker_plugin/client.hpp"
#include "gantry/volume.hpp"

namespace gantry::volume_plugin {

/// Volumes of a plugin that speaks Docker's legacy protocol: the daemon opens one of these for each plugin that
/// somebody names.
class Driver : public volume::v1::Driver {
 public:
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

 private:
  [[nodiscard]] docker_plugin::Client& plugin() const;
  /// What the plugin tells of a volume; none if it says that there is none.
  [[nodiscard]] std::optional<nlohmann::json> find(const std::string& name, const Call& call) const;
  [[nodiscard]] bool is_gone(const std::string& name, const Call& call) const;

  std::unique_ptr<docker_plugin::Client> plugin_;  ///< None: this one only stands for those to come.
};

}  // namespace gantry::volume_plugin
