#include "driver.hpp"

#include <linux/if_link.h>

#include <map>
#include <string>

#include "gantry/error.hpp"

namespace gantry::ipvlan {
namespace {

constexpr const char* kMode = "ipvlan_mode";
constexpr const char* kFlag = "ipvlan_flag";

std::string value_of(const Options& options, const char* name) {
  const auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

}  // namespace

void Driver::capabilities(Capabilities& out) const {
  net_parent::Driver::capabilities(out);
  out.emplace_back("shared-mac");
}

void Driver::add_options(std::vector<OptionInfo>& out) const {
  out.push_back({kMode, OptionType::text, OptionScope::object, "l2", "l2, l3 or l3s"});
  out.push_back({kFlag, OptionType::text, OptionScope::object, "bridge", "bridge, private or vepa"});
}

net_parent::LinkMode Driver::parse_mode(const Options& options) const {
  static const std::map<std::string, std::uint32_t> modes{
      {"", IPVLAN_MODE_L2}, {"l2", IPVLAN_MODE_L2}, {"l3", IPVLAN_MODE_L3}, {"l3s", IPVLAN_MODE_L3S}};
  static const std::map<std::string, std::uint32_t> flags{
      {"", 0}, {"bridge", 0}, {"private", IPVLAN_F_PRIVATE}, {"vepa", IPVLAN_F_VEPA}};
  const auto mode = modes.find(value_of(options, kMode));
  if (mode == modes.end()) {
    throw Error{Errc::invalid, "requested ipvlan mode '" + value_of(options, kMode) +
                                   "' is not valid, 'l2' mode is the ipvlan driver default"};
  }
  const auto flag = flags.find(value_of(options, kFlag));
  if (flag == flags.end()) {
    throw Error{Errc::invalid, "requested ipvlan flag '" + value_of(options, kFlag) +
                                   "' is not valid, 'bridge' is the ipvlan driver default"};
  }
  net_parent::LinkMode out;
  out.attributes = {{IFLA_IPVLAN_MODE, 2, mode->second}, {IFLA_IPVLAN_FLAGS, 2, flag->second}};
  out.routed = mode->second != IPVLAN_MODE_L2;
  return out;
}

}  // namespace gantry::ipvlan
