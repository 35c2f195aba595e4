// What config.json says for the commands: as docker 28.2 sends it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "commands/fake_daemon.hpp"
#include "json.hpp"

namespace gantry::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A daemon that does whatever it is asked, and a configuration for those who ask.
class Session {
 public:
  explicit Session(const std::string& config) { configure(config); }
  ~Session() { std::filesystem::remove_all(directory_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void configure(const std::string& config) { std::ofstream(directory_ + "/config.json") << config; }

  Outcome run(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), {"--config", directory_});
    return run_program(fake, arguments, input);
  }

  Json body() { return copy_of(body_); }  ///< Of the last request that had one,
  Json exec() { return copy_of(exec_); }  ///< and of the last one for a command.
  std::vector<std::string> heads() { return copy_of(heads_); }

 private:
  template <class Value>
  Value copy_of(const Value& value) {
    const std::lock_guard lock(mutex_);
    return value;
  }

  void note(const FakeConnection::Request& request) {
    const std::lock_guard lock(mutex_);
    heads_.push_back(request.head);
    if (!request.body.empty()) body_ = Json::parse(request.body, nullptr, false);
    if (request.line.ends_with("/exec")) exec_ = body_;
  }

  static std::string make_directory() {
    std::string path = (std::filesystem::temp_directory_path() / "gantry-config-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return path;
  }

  const std::string directory_ = make_directory();
  std::mutex mutex_;
  Json body_;
  Json exec_;
  std::vector<std::string> heads_;

 public:
  // The last of the members: its threads use the others.
  FakeDaemon fake{[this](FakeConnection& connection, const FakeConnection::Request& request) {
    note(request);
    const auto asks = [&](const char* what) { return request.line.find(what) != std::string::npos; };
    if (asks("/build/prune")) return connection.respond(200, R"({"CachesDeleted":["k1"],"SpaceReclaimed":5})");
    if (asks("/prune")) return connection.respond(200, R"({"SpaceReclaimed":0})");
    if (asks("/json")) return connection.respond(200, "[]");
    connection.respond(200, R"({"Id":"c1"})");
  }};
};

TEST(Config, ProxiesBecomeTheEnvironment) {
  ::setenv("no_proxy", "of-the-tester", 1);
  Session session(R"({"proxies": {"default": {"httpProxy": "http://d", "noProxy": "localhost"}}})");
  session.run({"create", "-e", "http_proxy=", "-e", "no_proxy", "busybox"});
  EXPECT_EQ(session.body()["Env"].dump(), R"(["http_proxy=","no_proxy","HTTP_PROXY=http://d","NO_PROXY=localhost"])");
  session.run({"run", "-d", "busybox"});
  EXPECT_EQ(session.body()["Env"].dump(),
            R"(["HTTP_PROXY=http://d","http_proxy=http://d","NO_PROXY=localhost","no_proxy=localhost"])");
}

TEST(Config, ADaemonsProxiesReplaceTheDefault) {
  Session session("{}");
  const Json proxies{{"default", {{"httpProxy", "http://d"}}}, {session.fake.address(), {{"allProxy", "a"}}}};
  session.configure(Json{{"proxies", proxies}}.dump());
  session.run({"create", "busybox"});
  EXPECT_EQ(session.body()["Env"].dump(), R"(["ALL_PROXY=a","all_proxy=a"])");
}

TEST(Config, ProxiesBecomeBuildArguments) {
  Session session(R"({"proxies": {"default": {"ftpProxy": "f", "httpsProxy": "s"}}})");
  session.run({"build", "--build-arg", "HTTPS_PROXY=mine", "-"}, "FROM scratch\n");
  // {"HTTPS_PROXY":"mine","FTP_PROXY":"f","ftp_proxy":"f","https_proxy":"s"}
  EXPECT_THAT(
      session.fake.requests(),
      Contains(HasSubstr("buildargs=%7B%22HTTPS_PROXY%22%3A%22mine%22%2C%22FTP_PROXY%22%3A%22f%22%2C%22ftp_proxy"
                         "%22%3A%22f%22%2C%22https_proxy%22%3A%22s%22%7D")));
}

TEST(Config, HeadersGoWithEachRequest) {
  Session session(R"({"HttpHeaders": {"x-meta-A": "b c", "User-Agent": "mine", "Content-Length": "7"}})");
  EXPECT_EQ(session.run({"ps", "-q"}).code, 0);
  EXPECT_THAT(session.heads().back(), Not(HasSubstr("Content-Length: 7")));
  session.run({"build", "-"}, "FROM scratch\n");
  session.run({"run", "busybox"});
  for (const std::string& head : session.heads()) {
    EXPECT_THAT(head, HasSubstr("\r\nX-Meta-A: b c\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("mine")));
  }
  EXPECT_THAT(session.fake.requests(), AllOf(Contains(HasSubstr("POST /v1.50/build?")), Contains(HasSubstr("/attach?")),
                                             Contains(HasSubstr("/wait?"))));
}

TEST(Config, OfHeadersGivenTwiceTheLastCounts) {
  Session session(R"({"HttpHeaders": {"A": "first", "a": "second"}})");
  session.run({"ps", "-q"});
  EXPECT_THAT(session.heads().back(), AllOf(HasSubstr("\r\nA: second\r\n"), Not(HasSubstr("first"))));
}

TEST(Config, AHeaderIsOneLine) {
  Session session(R"({"HttpHeaders": {"A": "b\r\nHost: evil"}})");
  const Outcome value = session.run({"ps"});
  EXPECT_EQ(value.code, 1);
  EXPECT_THAT(value.err, HasSubstr("net/http: invalid header field value for \"A\""));
  session.configure(R"({"HttpHeaders": {"A b": "c"}})");
  EXPECT_THAT(session.run({"ps"}).err, HasSubstr("net/http: invalid header field name \"A b\""));
  EXPECT_THAT(session.fake.requests(), ElementsAre());
}

TEST(Config, DetachKeysHoldWhereNoneAreGiven) {
  Session session(R"({"detachKeys": "ctrl-x,x"})");
  session.run({"exec", "-d", "c1", "true"});
  EXPECT_EQ(session.exec()["DetachKeys"], "ctrl-x,x");
  session.run({"exec", "-d", "--detach-keys", "a,b", "c1", "true"});
  EXPECT_EQ(session.exec()["DetachKeys"], "a,b");
  session.run({"run", "busybox"});
  EXPECT_THAT(session.fake.requests(), Contains(HasSubstr("/attach?detachKeys=ctrl-x%2Cx&")));
}

TEST(Config, PruneFiltersAreAddedToThoseGiven) {
  Session session(R"({"pruneFilters": ["label!=keep", "until=24h", "bad"]})");
  const auto last = [&] { return session.fake.requests().back(); };
  session.run({"container", "prune", "-f"});
  EXPECT_THAT(last(),
              HasSubstr("filters=%7B%22label%21%22%3A%7B%22keep%22%3Atrue%7D%2C%22until%22%3A%7B%2224h%22%3Atrue"));
  session.run({"volume", "prune", "-f", "--filter", "label=keep"});
  EXPECT_THAT(last(), Not(HasSubstr("label%21")));
  session.run({"volume", "prune", "-f", "--filter", "LABEL = keep"});
  EXPECT_THAT(last(), Not(HasSubstr("label%21")));
  session.run({"container", "prune", "-f", "--filter", ""});
  EXPECT_THAT(last(), AllOf(HasSubstr("label%21"), HasSubstr("until"))) << "nothing is asked for";
  const Outcome asked = session.run({"system", "prune", "--filter", "label=x"}, "n\n");
  EXPECT_EQ(
      asked.out,
      "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
      "  - all dangling images\n  - unused build cache\n\n  Items to be pruned will be filtered with:\n"
      "  - label!=keep\n  - label=x\n  - until=24h\n\nAre you sure you want to continue? [y/N] ");
}

TEST(Config, SystemPruneTakesTheBuildCacheToo) {
  Session session("{}");
  EXPECT_EQ(session.run({"system", "prune", "-f", "-a"}).out,
            "Deleted build cache objects:\nk1\n\nTotal reclaimed space: 5B\n");
  EXPECT_THAT(session.fake.requests(), ElementsAre(HasSubstr("/containers/prune"), HasSubstr("/networks/prune"),
                                                   HasSubstr("/images/prune"), "POST /v1.50/build/prune?all=1"));
}

TEST(Config, SaysWhatIsOfTheWrongType) {
  for (const auto& [config, wrong] :
       {std::pair{R"({"psFormat": 5})",
                  "json: cannot unmarshal number into Go struct field ConfigFile.psFormat of type string"},
        {R"({"HttpHeaders": true})",
         "json: cannot unmarshal bool into Go struct field ConfigFile.HttpHeaders of type map[string]string"},
        {"[]", "json: cannot unmarshal array into Go value of type configfile.ConfigFile"}}) {
    Session session(config);
    const Outcome outcome = session.run({"ps", "-q"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("/config.json): " + std::string(wrong) + "\n"));
  }
}

}  // namespace
}  // namespace gantry::cli
