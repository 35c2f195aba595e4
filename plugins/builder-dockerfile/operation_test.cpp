#include "operation.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gantry::dockerfile {
namespace {

using nlohmann::json;

TEST(Operation, TellsACommandWithItsMounts) {
  CommandTold told;
  told.process = {"/bin/sh", "-c", "make"};
  told.env = {"A=b"};
  told.directory = "/src";
  told.user = "me";
  told.network = "none";
  RunMount files;
  files.source = "a";
  files.target = "/a";
  RunMount cache;
  cache.type = "cache";
  cache.target = "/c";
  cache.sharing = "locked";
  RunMount secret;
  secret.type = "secret";
  secret.id = "key";
  told.mounts = {files, cache, secret};
  told.origins = {1, std::nullopt, std::nullopt};
  const json exec = json::parse(command_operation(told)).at("exec");
  EXPECT_EQ(exec.at("meta"),
            (json{{"args", {"/bin/sh", "-c", "make"}}, {"env", {"A=b"}}, {"cwd", "/src"}, {"user", "me"}}));
  EXPECT_EQ(exec.at("network"), 2);
  EXPECT_FALSE(exec.contains("security"));
  ASSERT_EQ(exec.at("mounts").size(), 4U);
  EXPECT_EQ(exec.at("mounts")[1], (json{{"input", 1}, {"dest", "/a"}, {"selector", "a"}, {"readonly", true}}));
  EXPECT_EQ(exec.at("mounts")[2].at("cacheOpt"), (json{{"ID", "/c"}, {"sharing", 2}}));
  EXPECT_EQ(exec.at("mounts")[3].at("secretOpt"), (json{{"ID", "key"}, {"optional", true}}));
}

TEST(Operation, TellsFilesOneAfterTheOther) {
  FilesTold told;
  told.copied = {{1, "/a"}, {2, "/"}};
  told.written = {{"/b/c", "text"}};
  told.destination = "/b/";
  told.owner = "1:users";
  told.mode = "640";
  told.inputs = 3;
  const json actions = json::parse(files_operation(told)).at("file").at("actions");
  ASSERT_EQ(actions.size(), 3U);
  EXPECT_EQ(actions[0].at("input"), 0);
  EXPECT_EQ(actions[0].at("secondaryInput"), 1);
  EXPECT_EQ(actions[0].at("output"), -1);
  EXPECT_EQ(actions[1].at("input"), 3) << "what the first has made";
  EXPECT_EQ(actions[2].at("input"), 4);
  EXPECT_EQ(actions[2].at("output"), 0);
  const json& copy = actions[0].at("Action").at("copy");
  EXPECT_EQ(copy.at("mode"), 0640);
  EXPECT_EQ(copy.at("owner").at("user").at("User").at("byID"), 1);
  EXPECT_EQ(copy.at("owner").at("group").at("User").at("byName").at("name"), "users");
  EXPECT_EQ(actions[2].at("Action").at("mkfile").at("data"), "dGV4dA==");
}

}  // namespace
}  // namespace gantry::dockerfile
