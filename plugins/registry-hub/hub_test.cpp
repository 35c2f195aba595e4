#include <gmock/gmock.h>

#include "hub_fixture.hpp"
#include "registry_error.hpp"
#include "registry_hosts.hpp"
#include "token_auth.hpp"
#include "url.hpp"

namespace hub {
namespace {

using gantry::Errc;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(Hub, ResumesAtTheByteWhereItBroke) {
  const std::string content = "0123456789";
  int served = 0;
  serve([&](const ScriptedServer::Request& request) -> std::string {
    const std::string range = request.header("range");
    const std::size_t at = range.empty() ? 0 : std::stoul(range.substr(6));
    const std::string head = at == 0
                                 ? "HTTP/1.1 200 OK\r\n"
                                 : "HTTP/1.1 206 Partial\r\nContent-Range: bytes " + std::to_string(at) + "-9/10\r\n";
    // Three bytes at a time, then it dies.
    ++served;
    return head + "Content-Length: " + std::to_string(10 - at) + "\r\n\r\n" + content.substr(at, 3);
  });
  EXPECT_EQ(get_blob(10), "");
  EXPECT_EQ(sink_.text, content);
  EXPECT_EQ(served, 4);
}

TEST_F(Hub, DropsWhatItHasIfTheRegistryIgnoresRanges) {
  int served = 0;
  serve([&](const ScriptedServer::Request&) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    return head + (++served == 1 ? "01234" : "0123456789");
  });
  EXPECT_EQ(get_blob(10), "");
  EXPECT_EQ(sink_.text, "0123456789");
}

TEST_F(Hub, RefusesToResumeElsewhere) {
  serve([](const ScriptedServer::Request& request) -> std::string {
    if (request.header("range").empty()) return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
    return "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789";
  });
  EXPECT_THAT(get_blob(10), HasSubstr("resumed with \"bytes 0-9/10\" instead of \"bytes 5-\""));
  EXPECT_EQ(sink_.text, "01234");
}

TEST_F(Hub, StopsAtTheBlobsSize) {
  serve([](const ScriptedServer::Request&) { return respond(200, std::string(100, 'x')); });
  EXPECT_THAT(get_blob(10), HasSubstr("larger than the 10 bytes"));
}

TEST_F(Hub, NeverShowsCredentialsToAnotherHost) {
  ping_status_ = 401;
  ping_headers_ = "WWW-Authenticate: Basic realm=\"x\"\r\n";
  credentials_.username = "joe";
  credentials_.password = "secret";
  const ScriptedServer elsewhere{"127.0.0.2",
                                 [](const ScriptedServer::Request&) { return respond(200, "0123456789"); }};
  serve([&](const ScriptedServer::Request&) {
    return respond(307, "", "Location: http://" + elsewhere.host() + "/signed?x=y\r\n");
  });
  EXPECT_EQ(get_blob(10), "");
  EXPECT_EQ(sink_.text, "0123456789");
  EXPECT_THAT(server_->requests().back().header("authorization"), StartsWith("Basic "));
  ASSERT_EQ(elsewhere.requests().size(), 1U);
  EXPECT_EQ(elsewhere.requests()[0].header("authorization"), "");
}

TEST_F(Hub, DoesNotTurnInCircles) {
  serve(
      [](const ScriptedServer::Request& request) { return respond(302, "", "Location: " + request.target + "\r\n"); });
  EXPECT_THAT(get_blob(10), HasSubstr("stopped after 10 redirects"));
}

TEST_F(Hub, WaitsWhenItIsAskedTo) {
  int served = 0;
  serve([&](const ScriptedServer::Request&) {
    ++served;
    if (served == 1) return respond(429, "", "Retry-After: 0\r\n");
    if (served == 2) return respond(503, "", "Retry-After: 0\r\n");
    return respond(200, "{}", "Content-Type: application/json\r\nDocker-Content-Digest: d\r\n");
  });
  EXPECT_EQ(get_manifest(), "");
  EXPECT_EQ(served, 3);
  EXPECT_EQ(manifest_.digest, "d");
}

TEST_F(Hub, GivesUpInTheRegistrysWords) {
  serve([](const ScriptedServer::Request&) {
    return respond(429, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]})", "Retry-After: 0\r\n");
  });
  EXPECT_EQ(get_manifest(), "toomanyrequests: slow down");
}

TEST_F(Hub, WordsFailuresAsDockerdDoes) {
  std::string body;
  int status = 404;
  serve([&](const ScriptedServer::Request&) { return respond(status, body); });
  body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})";
  EXPECT_EQ(get_manifest(), "manifest for " + server_->host() + "/a/b:1 not found: manifest unknown: manifest unknown");
  EXPECT_EQ(get_manifest(kDigest),
            "manifest for " + server_->host() + "/a/b@" + kDigest + " not found: manifest unknown: manifest unknown");
  status = 403;
  body = R"({"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]})";
  EXPECT_EQ(get_manifest(),
            "pull access denied for " + server_->host() +
                "/a/b, repository does not exist or may require 'docker login': denied: requested access to "
                "the resource is denied");
}

TEST_F(Hub, RefusesHugeManifestsAndHeaders) {
  bool headers = false;
  serve([&](const ScriptedServer::Request&) {
    return headers ? respond(200, "", "X: " + std::string(100'000, 'x') + "\r\n")
                   : respond(200, std::string(5U << 20U, ' '));
  });
  EXPECT_THAT(get_manifest(), HasSubstr("larger than"));
  headers = true;
  EXPECT_THAT(get_manifest(), HasSubstr("headers are larger than"));
}

TEST_F(Hub, GetsATokenOnceAndAgainWhenItIsRefused) {
  int tokens = 0;
  const ScriptedServer realm{"127.0.0.1", [&](const ScriptedServer::Request&) {
                               ++tokens;
                               return respond(200,
                                              R"({"token":"t)" + std::to_string(tokens) + R"(","expires_in":300})");
                             }};
  ping_status_ = 401;
  ping_headers_ = "WWW-Authenticate: Bearer realm=\"http://" + realm.host() + "/token\",service=\"reg, ister\"\r\n";
  std::string accepted = "Bearer t1";
  serve([&](const ScriptedServer::Request& request) {
    if (request.header("authorization") == accepted) return respond(200, "{}");
    return respond(401, "", ping_headers_);
  });
  EXPECT_EQ(get_manifest(), "");
  EXPECT_EQ(get_manifest(), "");
  EXPECT_EQ(tokens, 1);
  EXPECT_THAT(realm.requests()[0].target, HasSubstr("scope=repository%3Aa%2Fb%3Apull"));
  EXPECT_THAT(realm.requests()[0].target, HasSubstr("service=reg%2C%20ister"));
  accepted = "Bearer t2";
  EXPECT_EQ(get_manifest(), "");
  EXPECT_EQ(tokens, 2);
}

TEST_F(Hub, MountsABlobOfAnotherRepository) {
  serve([](const ScriptedServer::Request& request) {
    return request.target.find("from=other%2Frepo") != std::string::npos ? respond(201, "") : respond(500, "");
  });
  TextSource source{"0123456789"};
  EXPECT_FALSE(driver_.put_blob(repository(), blob(10), {"other/repo"}, credentials_, source, call_));
}

TEST_F(Hub, MountsFromTheFirstThatHasTheBlob) {
  serve([](const ScriptedServer::Request& request) {
    if (request.method == "DELETE") return respond(204, "");
    if (request.target.find("from=has%2Fit") != std::string::npos) return respond(201, "");
    return respond(202, "", "Location: /upload/1\r\n");
  });
  TextSource source{"0123456789"};
  const std::vector<std::string> others{"lacks/it", "has/it", "not/asked"};
  EXPECT_FALSE(driver_.put_blob(repository(), blob(10), others, credentials_, source, call_));
  EXPECT_EQ(call_.told_, "Mounted from has/it");
  std::vector<std::string> asked;
  for (const auto& request : server_->requests()) asked.push_back(request.method);
  // What the registry began in the first one's place is ended.
  EXPECT_THAT(asked, ::testing::ElementsAre("GET", "POST", "DELETE", "POST"));
  EXPECT_EQ(server_->requests()[2].target, "/upload/1");
}

TEST_F(Hub, UploadsWhatItCannotMount) {
  serve([](const ScriptedServer::Request& request) {
    if (request.method == "POST") return respond(202, "", "Location: /upload?state=1\r\n");
    return respond(201, "");
  });
  TextSource source{"0123456789"};
  EXPECT_TRUE(driver_.put_blob(repository(), blob(10), {"other/repo"}, credentials_, source, call_));
  const auto last = server_->requests().back();
  EXPECT_EQ(last.method, "PUT");
  EXPECT_EQ(last.body, "0123456789");
  EXPECT_EQ(last.target, "/upload?state=1&digest=sha256%3A" + std::string(64, 'a'));
}

TEST_F(Hub, SaysWhyItCannotConnect) {
  driver_.open(host_);
  const Repository nowhere{"127.0.0.1:1", "x"};
  EXPECT_EQ(error([&] { driver_.get_manifest(nowhere, "1", {}, manifest_, call_); }),
            "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused");
}

TEST_F(Hub, TriesMirrorsFirst) {
  const ScriptedServer mirror{"127.0.0.1", [](const ScriptedServer::Request&) { return respond(200, "{}"); }};
  host_.options_["registry-mirrors"] = "http://" + mirror.host();
  driver_.open(host_);
  driver_.get_manifest({"docker.io", "library/x"}, "1", {}, manifest_, call_);
  EXPECT_EQ(manifest_.content, "{}");
  EXPECT_EQ(mirror.requests().back().target, "/v2/library/x/manifests/1");
}

TEST_F(Hub, TriesMirrorsOfAnyRegistry) {
  serve([](const ScriptedServer::Request&) { return respond(200, "upstream"); });
  const ScriptedServer mirror{"127.0.0.1", [](const ScriptedServer::Request& request) {
                                const bool has = request.target.find("gone") == std::string::npos;
                                return has ? respond(200, "mirror") : respond(404, "{}");
                              }};
  host_.options_["registry-mirrors"] = server_->host() + "/a=http://" + mirror.host() + "/proxy/a";
  Driver driver;
  driver.open(host_);
  credentials_.username = "alice";
  credentials_.password = "secret";
  const auto content_of = [&](const std::string& path) {
    manifest_ = {};
    EXPECT_EQ(error([&] { driver.get_manifest({server_->host(), path}, "1", credentials_, manifest_, call_); }), "");
    return manifest_.content;
  };
  EXPECT_EQ(content_of("a/b"), "mirror");
  EXPECT_EQ(mirror.requests().back().target, "/v2/proxy/a/b/manifests/1");
  // What it lacks, and what is not its own, the registry has.
  EXPECT_EQ(content_of("a/gone"), "upstream");
  EXPECT_EQ(content_of("b/b"), "upstream");
  EXPECT_EQ(server_->requests().back().target, "/v2/b/b/manifests/1");
  // Nothing is pushed there.
  const std::size_t before = mirror.requests().size();
  driver.put_manifest({server_->host(), "a/b"}, "1", {"t", "", "{}"}, credentials_, call_);
  EXPECT_EQ(server_->requests().back().method, "PUT");
  EXPECT_EQ(mirror.requests().size(), before);
}

TEST_F(Hub, TellsMirrorsNoPasswords) {
  serve([](const ScriptedServer::Request&) { return respond(200, "upstream"); });
  const ScriptedServer curious{"127.0.0.1", [](const ScriptedServer::Request&) {
                                 return respond(401, "{}", "WWW-Authenticate: Basic realm=\"x\"\r\n");
                               }};
  host_.options_["registry-mirrors"] = server_->host() + "=http://" + curious.host();
  Driver driver;
  driver.open(host_);
  credentials_.username = "alice";
  credentials_.password = "secret";
  EXPECT_EQ(error([&] { driver.get_manifest(repository(), "1", credentials_, manifest_, call_); }), "");
  EXPECT_EQ(manifest_.content, "upstream");
  EXPECT_FALSE(curious.requests().empty());
  for (const auto& request : curious.requests()) EXPECT_EQ(request.header("authorization"), "");
}

TEST_F(Hub, LeavesAMirrorAloneThatDoesNotAnswer) {
  serve([](const ScriptedServer::Request&) { return respond(200, "upstream"); });
  const ScriptedServer silent{"127.0.0.1", [](const ScriptedServer::Request&) { return std::string{}; }};
  host_.options_["registry-mirrors"] = server_->host() + "=http://" + silent.host();
  Driver driver;
  driver.open(host_);
  for (const char* tag : {"1", "2"}) {
    EXPECT_EQ(error([&] { driver.get_manifest(repository(), tag, credentials_, manifest_, call_); }), "");
  }
  EXPECT_EQ(silent.requests().size(), 1U);
}

TEST_F(Hub, LeavesAMirrorAloneThatAnswersNoMore) {
  serve([](const ScriptedServer::Request&) { return respond(200, "upstream"); });
  const ScriptedServer dying{"127.0.0.1", [](const ScriptedServer::Request& request) {
                               return request.target == "/v2/" ? respond(200, "{}") : std::string{};
                             }};
  host_.options_["registry-mirrors"] = server_->host() + "=http://" + dying.host();
  Driver driver;
  driver.open(host_);
  EXPECT_EQ(error([&] { driver.get_manifest(repository(), "1", credentials_, manifest_, call_); }), "");
  const std::size_t asked = dying.requests().size();
  EXPECT_GT(asked, 1U);
  EXPECT_EQ(error([&] { driver.get_manifest(repository(), "2", credentials_, manifest_, call_); }), "");
  EXPECT_EQ(dying.requests().size(), asked);
}

TEST_F(Hub, DoesWithoutAMirrorThatFails) {
  serve([](const ScriptedServer::Request& request) -> std::string {
    EXPECT_EQ(request.header("range"), "bytes=5-");
    return "HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789";
  });
  const ScriptedServer broken{"127.0.0.1", [](const ScriptedServer::Request& request) -> std::string {
                                if (request.target == "/v2/") return respond(200, "{}");
                                if (!request.header("range").empty()) return respond(403, "{}");
                                return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
                              }};
  // One that is not there, and one that stops in the middle: what has come is not asked for again.
  host_.options_["registry-mirrors"] =
      server_->host() + "=http://127.0.0.1:1," + server_->host() + "=http://" + broken.host();
  Driver driver;
  driver.open(host_);
  EXPECT_EQ(error([&] { driver.get_blob(repository(), blob(10), 0, {}, sink_, call_); }), "");
  EXPECT_EQ(sink_.text, "0123456789");
}

TEST_F(Hub, SearchesAnIndex) {
  serve([](const ScriptedServer::Request&) {
    return respond(200, R"({"results":[{"name":"a/x","description":"d","star_count":5,"is_official":true},7]})");
  });
  std::vector<gantry::registry::v1::SearchResult> found;
  driver_.search(server_->host(), "x y", 3, credentials_, found, call_);
  EXPECT_EQ(server_->requests().back().target, "/v1/search?q=x%20y&n=3");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "a/x");
  EXPECT_EQ(found[0].description, "d");
  EXPECT_EQ(found[0].stars, 5);
  EXPECT_TRUE(found[0].official);
}

TEST_F(Hub, SaysWhenAnIndexAnswersNonsense) {
  serve([](const ScriptedServer::Request&) { return respond(200, "[]"); });
  std::vector<gantry::registry::v1::SearchResult> found;
  EXPECT_THAT(error([&] { driver_.search(server_->host(), "x", 3, credentials_, found, call_); }),
              HasSubstr("is not JSON"));
}

TEST_F(Hub, GoesThroughProxies) {
  const ScriptedServer proxy{"127.0.0.1", [](const ScriptedServer::Request& request) -> std::string {
                               if (request.method == "CONNECT") return "HTTP/1.1 403 Forbidden\r\n\r\n";
                               return respond(200, "{}");
                             }};
  host_.options_["http-proxy"] = "http://me:secret@" + proxy.host();
  host_.options_["https-proxy"] = proxy.host();
  driver_.open(host_);
  const Repository there{"reg.example:5000", "x"};
  EXPECT_EQ(error([&] { driver_.get_manifest(there, "1", {}, manifest_, call_); }),
            "Get \"https://reg.example:5000/v2/\": Forbidden");
  EXPECT_EQ(proxy.requests().back().target, "reg.example:5000");
  EXPECT_EQ(proxy.requests().back().header("proxy-authorization"), "");

  host_.options_["insecure-registries"] = "reg.example:5000";
  Driver insecure;
  insecure.open(host_);
  insecure.get_manifest(there, "1", {}, manifest_, call_);
  EXPECT_EQ(proxy.requests().back().target, "http://reg.example:5000/v2/x/manifests/1");
  EXPECT_EQ(proxy.requests().back().header("proxy-authorization"), "Basic bWU6c2VjcmV0");
}

TEST_F(Hub, GoesWhereNamesAreRewrittenTo) {
  serve([](const ScriptedServer::Request&) { return respond(200, "{}"); });
  host_.options_["registry-rewrites"] = "quay.io/a=" + server_->host() + "/b";
  host_.options_["registry-blocks"] = "quay.io";
  Driver driver;
  driver.open(host_);
  driver.get_manifest({"quay.io", "a/x"}, "1", {}, manifest_, call_);
  EXPECT_EQ(server_->requests().back().target, "/v2/b/x/manifests/1");
  EXPECT_THAT(error([&] {
                driver.get_manifest({"quay.io", "c/x"}, "1", {}, manifest_, call_);
              }),
              HasSubstr("quay.io/c/x is blocked"));
  EXPECT_THAT(error([&] { driver.list_tags({"quay.io", "c/x"}, {}, tags_, call_); }), HasSubstr("is blocked"));
  // What was given for one registry is not told to another.
  ping_status_ = 401;
  ping_headers_ = "WWW-Authenticate: Basic realm=\"r\"\r\n";
  Driver later;
  later.open(host_);
  Credentials credentials;
  credentials.username = "me";
  credentials.password = "secret";
  EXPECT_THAT(error([&] {
                later.get_manifest({"quay.io", "a/x"}, "1", credentials, manifest_, call_);
              }),
              HasSubstr("no basic auth credentials"));
}

TEST_F(Hub, TakesNoMoreTagsThanMemoryHolds) {
  const std::string first = R"({"tags":[")" + std::string(1000, 't') + R"("]})";
  const std::string second(std::size_t{8} << 20, ' ');
  bool more = false;
  serve([&](const ScriptedServer::Request& request) {
    if (std::exchange(more, true)) return respond(200, second);
    return respond(200, first, "Link: <" + request.target + "?last=t>; rel=\"next\"\r\n");
  });
  // Each page alone would do.
  EXPECT_THAT(error([&] { driver_.list_tags(repository(), {}, tags_, call_); }), HasSubstr("larger than 8387"));
}

TEST(Url, IsTakenApartAndResolved) {
  const Url url = parse_url("https://user:pw@[::1]:5000/v2/?a=b#c");
  EXPECT_EQ(url.str(), "https://[::1]:5000/v2/?a=b");
  EXPECT_EQ(url.resolve("x/y").str(), "https://[::1]:5000/v2/x/y");
  EXPECT_EQ(url.resolve("/x").str(), "https://[::1]:5000/x");
  EXPECT_EQ(url.resolve("http://h").str(), "http://h/");
  EXPECT_EQ(url.resolve("x#y/z").str(), "https://[::1]:5000/v2/x");
  EXPECT_TRUE(url.same_origin(url.resolve("/x")));
  EXPECT_FALSE(parse_url("https://h/").same_origin(parse_url("http://h/")));
  for (const char* bad : {"", "ftp://x/", "https://", "https://h:port/", "https://h/a b", "https://h/\r\nX: y"}) {
    EXPECT_THROW(parse_url(bad), Error) << bad;
  }
}

TEST(Challenges, AreRead) {
  const auto challenges = parse_challenges(R"(Bearer realm="https://a/t",service="s \" x", Basic realm=y, Negotiate)");
  ASSERT_EQ(challenges.size(), 3U);
  EXPECT_EQ(challenges[0].get("realm"), "https://a/t");
  EXPECT_EQ(challenges[0].get("service"), "s \" x");
  EXPECT_EQ(challenges[1].scheme, "basic");
  EXPECT_EQ(challenges[1].get("realm"), "y");
  EXPECT_TRUE(parse_challenges("\"\"=,,=").empty());
}

TEST(Tokens, AreReadWithinBounds) {
  EXPECT_EQ(parse_token(R"({"access_token":"a","expires_in":1})").lifetime, std::chrono::seconds{60});
  EXPECT_EQ(parse_token(R"({"token":"a","access_token":"b"})").text, "a");
  for (const char* much : {"1e300", "18446744073709551615"}) {
    EXPECT_EQ(parse_token(R"({"token":"a","expires_in":)" + std::string{much} + "}").lifetime,
              std::chrono::seconds{86400});
  }
  EXPECT_THROW(parse_token("[]"), Error);
  EXPECT_THROW(parse_token(R"({"token":7})"), Error);
}

TEST(InsecureHosts, AreLoopbackAndThoseOfTheConfig) {
  const InsecureHosts hosts{{"reg.io:5000", "10.1.0.0/16", "fd00::/8"}};
  for (const char* host :
       {"localhost:5000", "127.3.2.1", "[::1]:5000", "reg.io:5000", "10.1.2.3:5000", "[fd12::1]:80"}) {
    EXPECT_TRUE(hosts.contains(host)) << host;
  }
  for (const char* host : {"docker.io", "reg.io", "10.2.0.1", "localhost.evil.io", "128.0.0.1"}) {
    EXPECT_FALSE(hosts.contains(host)) << host;
  }
  EXPECT_THROW(InsecureHosts{{"10.0.0.0/33"}}, Error);
}

// "10.1" stands for 10.0.0.1 as a name does, only that no server has to be asked.
TEST(InsecureHosts, AreThoseWhoseNamesStandForTheirAddresses) {
  const TestCall call;
  const InsecureHosts hosts{{"10.0.0.0/24"}};
  EXPECT_TRUE(hosts.contains_address_of("10.1:5000", call));
  EXPECT_TRUE(hosts.contains_address_of("127.1", call));
  EXPECT_FALSE(hosts.contains_address_of("10.1.1", call));
  EXPECT_FALSE(hosts.contains_address_of(std::string(64, 'x') + ":5000", call));
}

TEST_F(Hub, TalksPlainlyToANameOfALoopbackAddress) {
  serve([](const ScriptedServer::Request&) { return respond(200, "{}"); });
  const Repository named{"127.1" + server_->host().substr(server_->host().find(':')), "a/b"};
  EXPECT_EQ(error([&] { driver_.get_manifest(named, "1", {}, manifest_, call_); }), "");
  EXPECT_EQ(manifest_.content, "{}");
}

}  // namespace
}  // namespace hub
