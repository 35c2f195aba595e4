#include "anti_spoofing.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "gantry/error.hpp"

namespace gantry::bridge {
namespace {

struct SenderElement {
  const char* set;
  std::string content;
};

using Mac = std::array<unsigned char, 6>;

/// Errors: invalid.
Mac parse_mac(std::string text) {
  std::replace(text.begin(), text.end(), '-', ':');
  Mac mac{};
  int end = 0;
  const int parts = std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
                                &mac[3], &mac[4], &mac[5], &end);
  if (parts != 6 || static_cast<std::size_t>(end) != text.size()) {
    throw Error{Errc::invalid, "invalid MAC address \"" + text + "\""};
  }
  return mac;
}

/// Nothing but a MAC becomes a part of nft's text.
std::string mac_text(const Mac& mac) {
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                mac[5]);
  return text.data();
}

/// fe80:: and a MAC as EUI-64 (RFC 4291, appendix A).
Address link_local_of(const Mac& mac) {
  const std::array<unsigned char, 16> address{
      0xfe,   0x80,   0,    0,    0,      0,      0,     0, static_cast<unsigned char>(mac[0] ^ 2U),
      mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
  return from_bytes(AF_INET6, address.data());
}

/// An address as nft wants it where a set is of parts of packets that it has no name for.
std::string hex_number(const Address& address) {
  std::string text = "0x";
  for (const unsigned char byte : address.bytes()) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", byte);
    text += digits.data();
  }
  return text;
}

std::vector<SenderElement> sender_elements(const Sender& sender) {
  const std::string name = "\"" + sender.interface + "\"";
  std::vector<SenderElement> out{{"senders", name}, {"macs", name + " . " + sender.mac}};
  for (const Address& address : sender.addresses) {
    if (address.family == AF_INET) {
      out.push_back({"own4", name + " . " + address.text()});
    } else {
      out.push_back({"own6", name + " . " + address.text()});
      out.push_back({"targets6", name + " . " + hex_number(address)});
    }
  }
  return out;
}

std::string change_element(const char* verb, const SenderElement& element) {
  return std::string(verb) + " element bridge gantry " + element.set + " { " + element.content + " }\n";
}

}  // namespace

Sender sender_of(const EndpointRecord& record) {
  const Mac mac = parse_mac(record.mac);
  Sender out{record.interface, mac_text(mac), {}};
  std::vector<std::string> texts{record.ipv4, record.ipv6};
  texts.insert(texts.end(), record.link_local.begin(), record.link_local.end());
  for (const std::string& text : texts) {
    if (const auto address = parse_address(text)) out.addresses.push_back(*address);
  }
  if (!record.ipv6.empty()) out.addresses.push_back(link_local_of(mac));
  return out;
}

std::string sender_base_rules() {
  // Before br_netfilter (priority 0) translates anything. What is neither IP nor ARP is dropped, too: a frame in a VLAN
  // would hide another one. What counts in neighbour discovery is the address that it is about (targets6); in fragments
  // neighbours ignore it (RFC 6980), so it need not be looked for there.
  return R"(
add table bridge gantry
add set bridge gantry senders { type ifname; }
add set bridge gantry macs { type ifname . ether_addr; }
add set bridge gantry own4 { type ifname . ipv4_addr; }
add set bridge gantry own6 { type ifname . ipv6_addr; }
add set bridge gantry targets6 { typeof meta iifname . @th,64,128; }
add chain bridge gantry sender
add chain bridge gantry sent_arp
add chain bridge gantry sent_ipv4
add chain bridge gantry sent_ipv6
add chain bridge gantry prerouting { type filter hook prerouting priority -300; policy accept; }
flush chain bridge gantry sender
flush chain bridge gantry sent_arp
flush chain bridge gantry sent_ipv4
flush chain bridge gantry sent_ipv6
flush chain bridge gantry prerouting
add rule bridge gantry prerouting iifname @senders goto sender
add rule bridge gantry sender iifname . ether saddr != @macs drop
add rule bridge gantry sender meta protocol vmap { ip : goto sent_ipv4, ip6 : goto sent_ipv6, arp : goto sent_arp }
add rule bridge gantry sender drop
add rule bridge gantry sent_arp arp htype != 1 drop
add rule bridge gantry sent_arp arp ptype != ip drop
add rule bridge gantry sent_arp arp hlen != 6 drop
add rule bridge gantry sent_arp arp plen != 4 drop
add rule bridge gantry sent_arp iifname . arp saddr ether != @macs drop
add rule bridge gantry sent_arp arp operation request arp saddr ip 0.0.0.0 accept
add rule bridge gantry sent_arp iifname . arp saddr ip != @own4 drop
add rule bridge gantry sent_ipv4 udp sport 67 udp dport 68 drop
add rule bridge gantry sent_ipv4 iifname . ip saddr != @own4 drop
add rule bridge gantry sent_ipv6 udp sport 547 udp dport 546 drop
add rule bridge gantry sent_ipv6 icmpv6 type { nd-router-advert, nd-redirect } drop
add rule bridge gantry sent_ipv6 icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets6 drop
add rule bridge gantry sent_ipv6 iifname . ip6 saddr @own6 accept
add rule bridge gantry sent_ipv6 ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report, nd-router-solicit } accept
add rule bridge gantry sent_ipv6 ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . @th,64,128 @targets6 accept
add rule bridge gantry sent_ipv6 drop
)";
}

std::string remove_sender_base_rules() { return "add table bridge gantry\ndelete table bridge gantry\n"; }

std::string add_sender_rules(const Sender& sender) {
  std::string text;
  for (const SenderElement& element : sender_elements(sender)) text += change_element("add", element);
  return text;
}

std::string remove_sender_rules(const Sender& sender) {
  std::string text;
  for (const SenderElement& element : sender_elements(sender))
    text += change_element("add", element) + change_element("delete", element);
  return text;
}

}  // namespace gantry::bridge
