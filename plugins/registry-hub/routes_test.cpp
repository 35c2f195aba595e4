#include "routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "address_range.hpp"
#include "gantry/error.hpp"
#include "proxies.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;
using gantry::registry::v1::Repository;
using ::testing::HasSubstr;

std::string real_name(const Routes& routes, const std::string& host, const std::string& path) {
  Repository repository;
  repository.host = host;
  repository.path = path;
  const Repository real = routes.resolve(repository);
  return real.host + "/" + real.path;
}

TEST(Routes, TakeTheLongestPrefixOfWholeComponents) {
  const Routes routes{{"docker.io=mirror.example:5000/hub", "docker.io/library=local/base", "quay.io/a/b=quay.io/c"},
                      {}};
  EXPECT_EQ(real_name(routes, "docker.io", "library/debian"), "local/base/debian");
  EXPECT_EQ(real_name(routes, "docker.io", "libraryx/debian"), "mirror.example:5000/hub/libraryx/debian");
  EXPECT_EQ(real_name(routes, "quay.io", "a/b"), "quay.io/c");
  EXPECT_EQ(real_name(routes, "quay.io", "a/bc"), "quay.io/a/bc");
  EXPECT_EQ(real_name(routes, "docker.io.evil", "x"), "docker.io.evil/x");
}

TEST(Routes, BlockWhatIsNotExcepted) {
  const Routes routes{{"docker.io/library=docker.io/library"}, {"docker.io", "quay.io"}};
  EXPECT_EQ(real_name(routes, "docker.io", "library/debian"), "docker.io/library/debian");
  try {
    real_name(routes, "docker.io", "evil/miner");
    FAIL() << "it is not blocked";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::denied);
    EXPECT_THAT(error.what(), HasSubstr("docker.io/evil/miner is blocked"));
  }
  EXPECT_THROW(routes.check_host("quay.io"), Error);
  EXPECT_NO_THROW(routes.check_host("ghcr.io"));
}

TEST(Routes, RefuseRulesThatNameNothing) {
  for (const char* rule : {"", "docker.io", "=x", "x=", "/x=y", "x/=y", "a//b=c", "a b=c", "a=b@c"}) {
    EXPECT_THROW((Routes{{rule}, {}}), Error) << rule;
  }
  EXPECT_THROW((Routes{{}, {"x/"}}), Error);
  const Routes bare{{"docker.io/library/debian=reg"}, {}};
  EXPECT_THROW(real_name(bare, "docker.io", "library/debian"), Error);
}

TEST(Proxies, ServeTheSchemeThatTheyAreFor) {
  const Proxies proxies{"proxy:3128", "http://user:p%40ss@secure", ""};
  EXPECT_EQ(proxies.of(parse_url("http://reg.example/v2/"))->url.str(), "http://proxy:3128/");
  const Proxy* secure = proxies.of(parse_url("https://reg.example/v2/"));
  ASSERT_NE(secure, nullptr);
  EXPECT_EQ(secure->url.authority(), "secure");
  EXPECT_EQ(secure->authorization, "Basic dXNlcjpwQHNz");
  EXPECT_EQ((Proxies{"", "", ""}).of(parse_url("http://reg.example")), nullptr);
  EXPECT_THROW((Proxies{"socks5://x", "", ""}), Error);
}

TEST(Proxies, AreNotForThisHostNorForExceptions) {
  const Proxies proxies{"p", "p", "one.example, .two.example,*.three.example,four:5000,10.0.0.0/8,fd00::1,[::2]:80"};
  const auto goes_direct = [&](const char* url) { return proxies.of(parse_url(url)) == nullptr; };
  for (const char* url : {"http://localhost:5000", "http://127.1.2.3", "https://[::1]:5000", "http://one.example",
                          "https://a.one.example", "http://x.two.example", "http://x.three.example", "http://four:5000",
                          "http://10.2.3.4:5000", "http://[fd00::1]", "http://[::2]", "http://ONE.example"}) {
    EXPECT_TRUE(goes_direct(url)) << url;
  }
  for (const char* url : {"http://two.example", "http://notone.example", "http://four", "http://11.0.0.1",
                          "http://[fd00::2]", "https://[::2]"}) {
    EXPECT_FALSE(goes_direct(url)) << url;
  }
  EXPECT_EQ((Proxies{"p", "p", "*"}).of(parse_url("http://reg.example")), nullptr);
}

TEST(AddressRanges, AreReadAndCompared) {
  EXPECT_TRUE(parse_range("10.0.0.0/8")->contains("10.255.0.1"));
  EXPECT_FALSE(parse_range("10.0.0.0/8")->contains("11.0.0.1"));
  EXPECT_FALSE(parse_range("10.0.0.0/8")->contains("::ffff:10.0.0.1"));
  EXPECT_TRUE(parse_range("0.0.0.0/0")->contains("8.8.8.8"));
  for (const char* text : {"", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "1.2.3"}) {
    EXPECT_FALSE(parse_range(text)) << text;
  }
}

}  // namespace
}  // namespace hub
