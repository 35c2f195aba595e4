#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command/flags.hpp"
#include "json.hpp"

namespace gantry::cli {

class Context;

/// The flags that `run` and `create` share, and the body of the API's create request that they amount to.
class ContainerFlags {
 public:
  ContainerFlags();
  ~ContainerFlags();

  void declare(Flags& flags);

  /// With what the user's config.json and the daemon's address add: proxies and the daemon's socket.
  void complete(Context& context);

  /// Throws InvalidValue. `arguments` are the image and what stands behind it.
  [[nodiscard]] Json build(const Flags& flags, const std::vector<std::string>& arguments) const;

  [[nodiscard]] bool attaches(const std::string& stream) const;
  [[nodiscard]] bool any_attach() const noexcept { return !attach_.empty(); }

  bool interactive = false;
  bool tty = false;
  bool auto_remove = false;
  std::string name;
  std::string cidfile;
  std::string platform;
  std::string pull = "missing";
  bool quiet = false;

 private:
  using Strings = std::vector<std::string>;

  void declare_general(Flags& flags);
  void declare_network(Flags& flags);
  void declare_storage(Flags& flags);
  void declare_health(Flags& flags);
  void declare_resources(Flags& flags);
  void declare_namespaces(Flags& flags);

  void build_config(Json& config, const Flags& flags, const std::vector<std::string>& arguments) const;
  void build_health(Json& config) const;
  void build_storage(Json& config, Json& host) const;
  void build_network(Json& config, Json& host, Json& networking) const;
  void build_resources(Json& host, const Flags& flags) const;
  void build_security(Json& host) const;

  Strings attach_, env_, env_files_, labels_, label_files_, expose_, publish_, extra_hosts_, dns_, dns_options_,
      dns_search_, links_, aliases_, link_local_, volumes_, volumes_from_, tmpfs_, cap_add_, cap_drop_, group_add_,
      security_opts_, storage_opts_, log_opts_, device_rules_, devices_, sysctls_, annotations_;
  std::string entrypoint_, hostname_, domainname_, user_, workdir_,
      restart_ = "no", stop_signal_, cgroupns_, userns_, ip_, ip6_, mac_address_, log_driver_, volume_driver_,
      health_cmd_, health_on_failure_, cpuset_cpus_, cpuset_mems_, cgroup_parent_, ipc_, isolation_, pid_, uts_,
      runtime_;
  bool read_only_ = false, privileged_ = false, publish_all_ = false, no_healthcheck_ = false,
       oom_kill_disable_ = false, init_ = false, content_trust_ = true, api_socket_ = false;
  std::int64_t stop_timeout_ = 0, health_retries_ = 0, swappiness_ = -1, oom_score_adj_ = 0;
  std::map<std::string, std::int64_t> numbers_;  ///< Resources by the API's names.
  std::map<std::string, std::int64_t> health_times_;
  std::unique_ptr<Json> lists_;  ///< Resources that are lists, by the API's names.
  std::unique_ptr<Json> mounts_;
  std::vector<std::pair<std::string, std::unique_ptr<Json>>> networks_;
};

}  // namespace gantry::cli
