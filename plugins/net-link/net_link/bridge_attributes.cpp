// What a bridge and its ports do with frames.

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include "gantry/error.hpp"
#include "net_link/link.hpp"

namespace gantry::net_link {

void Netlink::allow_hairpin(const std::string& port) { set_port(port, IFLA_BRPORT_MODE); }

void Netlink::set_port(const std::string& name, int attribute) {
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = find(name).value_or(Link{}).index;
  change(RTM_SETLINK, header, "set port " + name, [attribute](nl_msg* message) {
    nlattr* port = nla_nest_start(message, IFLA_PROTINFO | NLA_F_NESTED);
    if (port == nullptr || nla_put_u8(message, attribute, 1) < 0) return false;
    nla_nest_end(message, port);
    return true;
  });
}

void Netlink::learn_from_forwarded_only(int bridge) {
  ifinfomsg header{};
  header.ifi_index = bridge;
  change(RTM_NEWLINK, header, "set bridge", [](nl_msg* message) {
    br_boolopt_multi option{1U << BR_BOOLOPT_NO_LL_LEARN, 1U << BR_BOOLOPT_NO_LL_LEARN};
    nlattr* link = nla_nest_start(message, IFLA_LINKINFO);
    if (link == nullptr || nla_put_string(message, IFLA_INFO_KIND, "bridge") < 0) return false;
    nlattr* data = nla_nest_start(message, IFLA_INFO_DATA);
    if (data == nullptr || nla_put(message, IFLA_BR_MULTI_BOOLOPT, sizeof option, &option) < 0) return false;
    nla_nest_end(message, data);
    nla_nest_end(message, link);
    return true;
  });
}

/// For attributes that libnl has no names for.
void Netlink::change(int type, ifinfomsg header, const std::string& what,
                     const std::function<bool(nl_msg*)>& add_attributes) {
  const auto check = [&what](int result) {
    if (result < 0) throw Error{Errc::io, what + ": " + nl_geterror(result)};
  };
  const std::unique_ptr<nl_msg, void (*)(nl_msg*)> message(nlmsg_alloc_simple(type, 0), nlmsg_free);
  if (!message || nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
      !add_attributes(message.get())) {
    throw Error{Errc::exhausted, "out of memory for a netlink message"};
  }
  check(nl_send_auto(socket_.get(), message.get()));
  check(nl_wait_for_ack(socket_.get()));
}

}  // namespace gantry::net_link
