#include "driver.hpp"

#include <linux/if_link.h>

#include <map>
#include <string>

#include "gantry/error.hpp"

namespace gantry::macvlan {
namespace {

constexpr const char* kMode = "macvlan_mode";

}  // namespace

void Driver::add_options(std::vector<OptionInfo>& out) const {
  out.push_back({kMode, OptionType::text, OptionScope::object, "bridge", "bridge, private, vepa or passthru"});
}

net_parent::LinkMode Driver::parse_mode(const Options& options) const {
  static const std::map<std::string, std::uint32_t> modes{{"", MACVLAN_MODE_BRIDGE},
                                                          {"bridge", MACVLAN_MODE_BRIDGE},
                                                          {"private", MACVLAN_MODE_PRIVATE},
                                                          {"vepa", MACVLAN_MODE_VEPA},
                                                          {"passthru", MACVLAN_MODE_PASSTHRU}};
  const auto given = options.find(kMode);
  const std::string name = given == options.end() ? "" : given->second;
  const auto mode = modes.find(name);
  if (mode == modes.end()) {
    throw Error{Errc::invalid,
                "requested macvlan mode '" + name + "' is not valid, 'bridge' mode is the macvlan driver default"};
  }
  net_parent::LinkMode out;
  out.attributes = {{IFLA_MACVLAN_MODE, 4, mode->second}};
  out.exclusive = mode->second == MACVLAN_MODE_PASSTHRU;
  out.own_mac = true;
  return out;
}

}  // namespace gantry::macvlan
