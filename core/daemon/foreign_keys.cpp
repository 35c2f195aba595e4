#include "daemon/foreign_keys.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::daemon {
namespace {

using Json = nlohmann::json;

struct ForeignKey {
  std::string_view name;
  const char* only = nullptr;  ///< The one value, as JSON, that changes nothing here; null: any.
};

// https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
constexpr std::array kForeignKeys{
    ForeignKey{"allow-nondistributable-artifacts"},
    ForeignKey{"api-cors-header"},
    ForeignKey{"authorization-plugins", "[]"},
    ForeignKey{"containerd"},
    ForeignKey{"containerd-namespace"},
    ForeignKey{"containerd-plugin-namespace"},
    ForeignKey{"containerd-plugins-namespace"},
    ForeignKey{"cpu-rt-period", "0"},
    ForeignKey{"cpu-rt-runtime", "0"},
    ForeignKey{"cri-containerd", "false"},
    ForeignKey{"default-ipc-mode", "\"private\""},
    ForeignKey{"exec-opts"},
    ForeignKey{"features"},
    ForeignKey{"init-path"},
    ForeignKey{"log-format"},
    ForeignKey{"max-download-attempts"},
    ForeignKey{"metrics-addr"},
    ForeignKey{"network-control-plane-mtu"},
    ForeignKey{"node-generic-resources"},
    ForeignKey{"raw-logs"},
    ForeignKey{"rootless", "false"},
    ForeignKey{"selinux-enabled", "false"},
    ForeignKey{"swarm-default-advertise-addr"},
};

const ForeignKey* find_foreign(const std::string& name) {
  const auto* found =
      std::find_if(kForeignKeys.begin(), kForeignKeys.end(), [&](const ForeignKey& key) { return key.name == name; });
  return found == kForeignKeys.end() ? nullptr : found;
}

void check(const ForeignKey& key, const Json& value) {
  if (key.only == nullptr || value.is_null() || value == Json::parse(key.only)) return;
  throw Error{Errc::invalid, std::string{key.name} + " is " + value.dump().substr(0, 80) + ", but this engine has " +
                                 key.only + " only"};
}

}  // namespace

std::vector<std::string> take_out_foreign_keys(Json& content) {
  std::vector<std::string> foreign;
  for (auto item = content.begin(); item != content.end();) {
    const ForeignKey* const key = find_foreign(item.key());
    if (key == nullptr) {
      ++item;
      continue;
    }
    check(*key, item.value());
    foreign.push_back(item.key());
    item = content.erase(item);
  }
  return foreign;
}

}  // namespace gantry::daemon
