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
