#include "net_link/stacked_link.hpp"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <array>
#include <cstdio>
#include <memory>

#include "gantry/error.hpp"

namespace gantry::net_link {
namespace {

struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

[[noreturn]] void fail(int result) {
  switch (-result) {
    case NLE_OPNOTSUPP:
      throw Error{Errc::unsupported, "operation not supported"};
    case NLE_EXIST:
      throw Error{Errc::conflict, "file exists"};
    case NLE_INVAL:
      throw Error{Errc::io, "invalid argument"};
    case NLE_BUSY:
      throw Error{Errc::io, "device or resource busy"};
    case NLE_PERM:
      throw Error{Errc::io, "operation not permitted"};
    default:
      throw Error{Errc::io, nl_geterror(result)};
  }
}

void check(int result) {
  if (result < 0) fail(result);
}

std::array<unsigned char, 6> mac_bytes(const std::string& text) {
  std::array<unsigned, 6> parts{};
  const char* format = text.find('-') == std::string::npos ? "%2x:%2x:%2x:%2x:%2x:%2x" : "%2x-%2x-%2x-%2x-%2x-%2x";
  if (std::sscanf(text.c_str(), format, parts.data(), &parts[1], &parts[2], &parts[3], &parts[4], &parts[5]) != 6) {
    throw Error{Errc::invalid, "invalid MAC address " + text};
  }
  std::array<unsigned char, 6> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<unsigned char>(parts[i]);
  return out;
}

void put_attribute(nl_msg* message, const LinkAttribute& attribute) {
  check(attribute.bytes == 2 ? nla_put_u16(message, attribute.type, static_cast<std::uint16_t>(attribute.value))
                             : nla_put_u32(message, attribute.type, attribute.value));
}

void put_kind(nl_msg* message, const StackedLink& link) {
  nlattr* info = nla_nest_start(message, IFLA_LINKINFO);
  if (info == nullptr) fail(-NLE_NOMEM);
  check(nla_put_string(message, IFLA_INFO_KIND, link.kind.c_str()));
  if (!link.attributes.empty()) {
    nlattr* data = nla_nest_start(message, IFLA_INFO_DATA);
    if (data == nullptr) fail(-NLE_NOMEM);
    for (const LinkAttribute& attribute : link.attributes) put_attribute(message, attribute);
    nla_nest_end(message, data);
  }
  nla_nest_end(message, info);
}

}  // namespace

// Not libnl's own objects: they know no flags of ipvlan.
void add_stacked_link(Netlink& netlink, const StackedLink& link) {
  const Message message(nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL));
  if (!message) fail(-NLE_NOMEM);
  ifinfomsg header{};
  if (link.up) header.ifi_flags = header.ifi_change = IFF_UP;
  check(nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO));
  check(nla_put_string(message.get(), IFLA_IFNAME, link.name.c_str()));
  if (link.parent_index != 0) {
    check(nla_put_u32(message.get(), IFLA_LINK, static_cast<std::uint32_t>(link.parent_index)));
  }
  if (link.netns >= 0) check(nla_put_u32(message.get(), IFLA_NET_NS_FD, static_cast<std::uint32_t>(link.netns)));
  if (!link.mac.empty()) {
    const auto mac = mac_bytes(link.mac);
    check(nla_put(message.get(), IFLA_ADDRESS, static_cast<int>(mac.size()), mac.data()));
  }
  put_kind(message.get(), link);
  check(nl_send_auto(netlink.socket(), message.get()));
  check(nl_wait_for_ack(netlink.socket()));
}

}  // namespace gantry::net_link
