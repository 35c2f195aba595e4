#include "networks/sandbox_files.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::networks {
namespace {

constexpr std::string_view kLocalLines =
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";

std::string after_local_lines(const std::string& text) {
  EXPECT_TRUE(text.starts_with(kLocalLines)) << text;
  return text.substr(kLocalLines.size());
}

TEST(HostsFile, HasLocalhostAndTheContainerItself) {
  HostsRequest request;
  request.hostname = "0123456789ab";
  request.addresses = {"172.17.0.2", "fd00::2"};
  EXPECT_EQ(after_local_lines(hosts_file(request)), "172.17.0.2\t0123456789ab\nfd00::2\t0123456789ab\n");
}

TEST(HostsFile, PutsTheDomainFirst) {
  HostsRequest request;
  request.hostname = "web";
  request.domainname = "example.org";
  request.addresses = {"172.17.0.2"};
  EXPECT_EQ(after_local_lines(hosts_file(request)), "172.17.0.2\tweb.example.org web\n");
}

TEST(HostsFile, TakesExtraHostsInBothForms) {
  HostsRequest request;
  request.host_gateways = {"172.17.0.1", "fd00::9"};
  request.extra_hosts = {"db:10.0.0.1", "gw=host-gateway", "six:fd00::1", "seven=[fd00::2]"};
  EXPECT_EQ(after_local_lines(hosts_file(request)),
            "10.0.0.1\tdb\n172.17.0.1\tgw\nfd00::9\tgw\nfd00::1\tsix\nfd00::2\tseven\n");
}

TEST(HostsFile, RefusesWhatWouldBreakTheFile) {
  for (const char* extra :
       {"db", "db:nonsense", ":1.2.3.4", "a b:1.2.3.4", "a\nb:1.2.3.4", "db:1.2.3.4\n", "db:fe80::1%\nx"}) {
    HostsRequest request;
    request.extra_hosts = {extra};
    EXPECT_THROW(hosts_file(request), Error) << extra;
  }
}

TEST(HostsFile, ListsLinks) {
  HostsRequest request;
  request.link_lines = {"172.17.0.3 db 0123456789ab"};
  EXPECT_EQ(after_local_lines(hosts_file(request)), "172.17.0.3\tdb 0123456789ab\n");
}

TEST(ResolvConf, LeavesOutServersOnTheHostsLoopback) {
  ResolvConfRequest request;
  request.host_file =
      "nameserver 127.0.0.53\nnameserver 10.0.0.1 # a comment\nsearch a.example b.example\noptions edns0\n";
  const ResolvConf conf = parse_resolv_conf(resolv_conf(request));
  EXPECT_EQ(conf.servers, std::vector<std::string>{"10.0.0.1"});
  EXPECT_EQ(conf.search, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(conf.options, std::vector<std::string>{"edns0"});
}

/// From the blank line before it.
std::string origin_of(const std::string& text) { return text.substr(text.rfind("\n\n") + 2); }

TEST(ResolvConf, TellsWhereItComesFromAsDockerdDoes) {
  ResolvConfRequest request;
  request.host_file = "nameserver 10.0.0.1\nnameserver fd00::1\noptions ndots:2\nsortlist 1.2.3.4\n";
  EXPECT_EQ(origin_of(resolv_conf(request)),
            "# Based on host file: '/etc/resolv.conf' (legacy)\n# Overrides: []\n# Option ndots from: host\n");
  EXPECT_EQ(parse_resolv_conf(resolv_conf(request)).servers, std::vector<std::string>{"10.0.0.1"});
  EXPECT_EQ(parse_resolv_conf(resolv_conf(request)).others, std::vector<std::string>{"sortlist 1.2.3.4"});
  request.on_host = true;
  EXPECT_EQ(origin_of(resolv_conf(request)),
            "# Based on host file: '/etc/resolv.conf'\n# Overrides: []\n# Option ndots from: host\n");
  EXPECT_EQ(parse_resolv_conf(resolv_conf(request)).servers, (std::vector<std::string>{"10.0.0.1", "fd00::1"}));
  request.on_host = false;
  request.resolver = true;
  request.host_file = "nameserver 127.0.0.53\nnameserver 10.0.0.1\n";
  EXPECT_EQ(origin_of(resolv_conf(request)),
            "# Based on host file: '/etc/resolv.conf' (internal resolver)\n"
            "# ExtServers: [host(127.0.0.53) host(10.0.0.1)]\n# Overrides: []\n# Option ndots from: internal\n");
  request.dns = {"127.0.0.1"};
  request.search = {"a.example"};
  request.options = {"ndots:x"};
  EXPECT_EQ(origin_of(resolv_conf(request)),
            "# Based on host file: '/etc/resolv.conf' (internal resolver)\n# ExtServers: [127.0.0.1]\n"
            "# Overrides: [nameservers search options]\n# Option ndots from: internal\n");
  EXPECT_EQ(parse_resolv_conf(resolv_conf(request)).options, std::vector<std::string>{"ndots:0"});
}

TEST(ResolvConf, WithoutServersHasTheOnesThatDockerdHas) {
  ResolvConfRequest request;
  request.host_file = "nameserver 127.0.0.53\nnameserver fd00::1\n";
  EXPECT_EQ(parse_resolv_conf(resolv_conf(request)).servers, (std::vector<std::string>{"8.8.8.8", "8.8.4.4"}));
  EXPECT_NE(resolv_conf(request).find("# Used default nameservers.\n"), std::string::npos);
  request.ipv6 = true;
  EXPECT_EQ(parse_resolv_conf(resolv_conf(request)).servers, std::vector<std::string>{"fd00::1"});
  request.resolver = true;
  request.host_file.clear();
  EXPECT_NE(resolv_conf(request).find("# NO EXTERNAL NAMESERVERS DEFINED\n"), std::string::npos);
}

TEST(ResolvConf, NamesTheResolverOnUserDefinedNetworks) {
  ResolvConfRequest request;
  request.host_file = "nameserver 10.0.0.1\n";
  request.resolver = true;
  request.dns = {"9.9.9.9"};
  const ResolvConf conf = parse_resolv_conf(resolv_conf(request));
  EXPECT_EQ(conf.servers, std::vector<std::string>{"127.0.0.11"});
  EXPECT_EQ(conf.options, std::vector<std::string>{"ndots:0"});
}

TEST(ResolvConf, TheUsersValuesReplaceTheHosts) {
  ResolvConfRequest request;
  request.host_file = "nameserver 10.0.0.1\nsearch a.example\noptions edns0\n";
  request.dns = {"127.0.0.1"};
  request.search = {"."};
  request.options = {"ndots:3"};
  const ResolvConf conf = parse_resolv_conf(resolv_conf(request));
  EXPECT_EQ(conf.servers, std::vector<std::string>{"127.0.0.1"});
  EXPECT_TRUE(conf.search.empty());
  EXPECT_EQ(conf.options, std::vector<std::string>{"ndots:3"});
}

}  // namespace
}  // namespace gantry::networks
