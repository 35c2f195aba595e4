#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "client/endpoint.hpp"
#include "command/failure.hpp"
#include "contexts/context_archive.hpp"
#include "contexts/context_store.hpp"
#include "contexts/current_context.hpp"
#include "contexts/endpoint_options.hpp"

namespace gantry::cli {
namespace {

class Contexts : public ::testing::Test {
 protected:
  Contexts() {
    char name[] = "/tmp/gantry-contexts-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~Contexts() override { std::filesystem::remove_all(folder_); }

  template <class Action>
  static std::string refusal(Action action) {
    try {
      action();
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  }

  std::string folder_;
};

TEST_F(Contexts, AreKeptWhereDockerKeepsThem) {
  const ContextStore store(folder_);
  StoredContext made{"work", "far away", "tcp://h:2376", true, {{"ca.pem", "CA"}}};
  store.save(made);
  const std::string id = "00e13ed7af55c9622f73d31b8bb1d56ab8c9b0a0d5d8d6a5f7a4b2a2d33d8b6e";
  EXPECT_EQ(store.meta_folder("work").size(), folder_.size() + std::string("/contexts/meta/").size() + id.size());
  std::ifstream file(store.meta_folder("work") + "/meta.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(
      text,
      R"({"Name":"work","Metadata":{"Description":"far away"},"Endpoints":{"docker":{"Host":"tcp://h:2376","SkipTLSVerify":true}}})");
  EXPECT_EQ(store.load_whole("work").tls["ca.pem"], "CA");
  store.remove("work");
  EXPECT_FALSE(store.exists("work"));
  EXPECT_NE(refusal([&] { (void)store.load("work"); }).find("context \"work\": context not found: open "),
            std::string::npos);
}

TEST_F(Contexts, HaveNamesByDockersRule) {
  EXPECT_EQ(refusal([] { check_context_name(""); }), "context name cannot be empty");
  EXPECT_EQ(refusal([] { check_context_name("default"); }), "\"default\" is a reserved context name");
  EXPECT_EQ(refusal([] { check_context_name("a"); }),
            R"(context name "a" is invalid, names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$")");
  EXPECT_NE(refusal([] { check_context_name("../x"); }), "");
  EXPECT_EQ(refusal([] { check_context_name("a.b+c-d_1"); }), "");
}

TEST_F(Contexts, KeepWhatOnlyOthersKnow) {
  const std::string meta =
      R"({"Name":"a1","Metadata":{"Description":"old","StackOrchestrator":"swarm"},"Endpoints":{"docker":{"Host":"tcp://h:1","SkipTLSVerify":false},"kubernetes":{"Host":"k"}}})";
  StoredContext read = from_meta(meta);
  read.name = "b1";
  read.description = "new";
  read.host = "tcp://h:2";
  const std::string written = to_meta(read);
  for (const char* kept : {R"("Name":"b1")", R"("StackOrchestrator":"swarm")", R"("Description":"new")",
                           R"("kubernetes":{"Host":"k"})", R"("Host":"tcp://h:2")"}) {
    EXPECT_NE(written.find(kept), std::string::npos) << kept << " in " << written;
  }
}

TEST_F(Contexts, AreSortedByTheNumbersInTheirNames) {
  std::vector<std::string> names{"n10", "n4", "b", "n", "n04x"};
  std::sort(names.begin(), names.end(), natural_less);
  EXPECT_EQ(names, (std::vector<std::string>{"b", "n", "n4", "n04x", "n10"}));
}

TEST_F(Contexts, TravelAsArchives) {
  StoredContext made{"work", "d", "ssh://u@h", false, {{"ca.pem", "CA"}, {"key.pem", "KEY"}}};
  const auto unpack = [](const std::string& bytes) {
    std::size_t at = 0;
    return unpack_context([&](std::span<char> buffer) {
      const std::size_t size = std::min(buffer.size(), bytes.size() - at);
      std::memcpy(buffer.data(), bytes.data() + at, size);
      at += size;
      return size;
    });
  };
  const StoredContext got = unpack(pack_context(made));
  EXPECT_EQ(got.host, made.host);
  EXPECT_EQ(got.description, "d");
  EXPECT_EQ(got.tls, made.tls);
  EXPECT_EQ(refusal([&] { (void)unpack(std::string(1024, '\0')); }), "invalid context: no metadata found");
}

TEST_F(Contexts, OfTheFlagsBringTheirTls) {
  std::ofstream(folder_ + "/ca.pem") << "-----BEGIN CA";
  ConnectionFlags flags;
  flags.host = "tcp://h:2376";
  flags.tls = true;
  const StoredContext standard = default_context(flags, folder_);
  EXPECT_TRUE(standard.skip_tls_verify);
  EXPECT_EQ(standard.tls.at("ca.pem"), "-----BEGIN CA");
  StoredContext copy;
  apply_endpoint({{"from", "default"}}, ContextStore(folder_), flags, copy);
  EXPECT_EQ(copy.host, "tcp://h:2376");
  EXPECT_EQ(copy.tls, standard.tls);
}

TEST_F(Contexts, TakeTheirEndpointFromOptions) {
  const ContextStore store(folder_);
  StoredContext made;
  apply_endpoint({{"host", "tcp://h:1"}, {"skip-tls-verify", "true"}}, store, {}, made);
  EXPECT_EQ(made.host, "tcp://h:1");
  EXPECT_TRUE(made.skip_tls_verify);
  const auto refused = [&](const EndpointOptions& options) {
    return refusal([&] { apply_endpoint(options, store, {}, made); });
  };
  EXPECT_EQ(refused({{"foo", "x"}}), "unable to create docker endpoint config: unrecognized config key: foo");
  EXPECT_EQ(refused({{"host", "nothing"}}),
            "unable to create docker endpoint config: unable to apply docker endpoint options: unable to parse docker "
            "host `nothing`");
  EXPECT_EQ(refused({{"skip-tls-verify", "maybe"}}),
            "unable to create docker endpoint config: skip-tls-verify: parsing \"maybe\": invalid syntax");
  EXPECT_EQ(refused({{"ca", "/nosuch"}}),
            "unable to create docker endpoint config: open /nosuch: no such file or directory");
}

TEST(EndpointBySsh, HasAUserAndAPort) {
  const Endpoint endpoint = parse_endpoint("ssh://me@host:2222");
  EXPECT_TRUE(endpoint.ssh);
  EXPECT_EQ(endpoint.user, "me");
  EXPECT_EQ(endpoint.host, "host");
  EXPECT_EQ(endpoint.port, "2222");
  EXPECT_EQ(parse_endpoint("ssh://host").port, "");
  EXPECT_EQ(parse_endpoint("ssh://host/").path, "");
  EXPECT_EQ(parse_endpoint("ssh://host/run/other.sock").path, "/run/other.sock");
  EXPECT_THROW(parse_endpoint("ssh://me:secret@host"), Failure);
  EXPECT_THROW(parse_endpoint("ssh://"), Failure);
}

}  // namespace
}  // namespace gantry::cli
