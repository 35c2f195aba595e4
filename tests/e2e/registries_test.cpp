// What users do with registries and other servers, by both clients: all tags at once, passwords and where they are
// kept, archives at an address, platforms.

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine.hpp"
#include "registry.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Registries : public BothClients {
 protected:
  static Result other(const std::string& arguments) {
    return is_docker() ? daemon->cli(arguments) : daemon->docker(arguments);
  }
  static bool is_docker() { return std::string{GetParam()} == "docker"; }
  static std::string run_program() { return is_docker() ? "docker" : program("gantry").string(); }
  static std::string other_program() { return is_docker() ? program("gantry").string() : "docker"; }
  /// With what helps with passwords in the path.
  static Result with_helper(const std::string& program, const std::string& arguments, const std::string& input = {}) {
    Environment environment = daemon->environment();
    environment["PATH"] = daemon->root().string() + ":" + environment["PATH"];
    return shell(program + " " + arguments, environment, input);
  }
  static fs::path config_file() { return daemon->root() / "client/config.json"; }
  static nlohmann::json config() { return nlohmann::json::parse(std::ifstream{config_file()}); }
};
INSTANTIATE_TEST_SUITE_P(By, Registries, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Registries, TakeAndGiveAllTags) {
  Registry registry{{}};
  for (const char* tag : {"one", "two"}) run(std::string{"tag busybox localhost:5000/every:"} + tag);
  const Result pushed = run("push -a localhost:5000/every");
  EXPECT_EQ(pushed.code, 0) << pushed.err;
  EXPECT_THAT(pushed.out, AllOf(HasSubstr("one: digest: sha256:"), HasSubstr("two: digest: sha256:")));
  EXPECT_EQ(run("rmi localhost:5000/every:one localhost:5000/every:two").code, 0);
  const Result pulled = run("pull -a localhost:5000/every");
  EXPECT_EQ(pulled.code, 0) << pulled.err;
  EXPECT_THAT(pulled.out, AllOf(HasSubstr("one: Pulling from every"), HasSubstr("two: Pulling from every")));
  EXPECT_EQ(run("rmi localhost:5000/every:one localhost:5000/every:two").code, 0);
  EXPECT_THAT(run("pull -a localhost:5000/every:one").err, HasSubstr("tag can't be used with --all-tags/-a"));
}

TEST_P(Registries, HavePasswordsThatBothClientsKnow) {
  if (!have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
  Registry registry{{.tls = false, .password = true, .port = 5001}};
  registry.push(busybox_layout(), "private");
  ASSERT_EQ(run("login -u alice --password-stdin localhost:5001", "secret").code, 0);
  EXPECT_EQ(config()["auths"]["localhost:5001"]["auth"], "YWxpY2U6c2VjcmV0");
  EXPECT_EQ(other("pull -q localhost:5001/private").line(), "localhost:5001/private:latest");
  EXPECT_EQ(other("logout localhost:5001").code, 0);
  EXPECT_NE(run("pull -q localhost:5001/private").code, 0);

  // The same with a helper, which keeps one account in a file.
  const std::string kept = (daemon->root() / "kept").string();
  const fs::path helper = daemon->root() / "docker-credential-keeper";
  std::ofstream{helper} << "#!/bin/sh\ncase $1 in\nstore) cat >" << kept << " ;;\nget) cat " << kept
                        << " 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;\nerase) "
                        << "rm -f " << kept << " ;;\nlist) echo '{}' ;;\nesac\n";
  fs::permissions(helper, fs::perms::owner_all);
  std::ofstream{config_file()} << R"({"credsStore": "keeper"})";
  const Result in = with_helper(run_program(), "login -u alice --password-stdin localhost:5001", "secret");
  EXPECT_EQ(in.code, 0) << in.err;
  EXPECT_THAT(shell("cat " + kept).out, AllOf(HasSubstr("alice"), HasSubstr("secret")));
  EXPECT_THAT(config().dump(), Not(HasSubstr("YWxpY2U6c2VjcmV0")));
  const Result pulled = with_helper(other_program(), "pull -q localhost:5001/private");
  EXPECT_EQ(pulled.line(), "localhost:5001/private:latest") << pulled.err;
  EXPECT_EQ(with_helper(other_program(), "logout localhost:5001").code, 0);
  EXPECT_FALSE(fs::exists(kept));
  EXPECT_NE(with_helper(run_program(), "pull -q localhost:5001/private").code, 0);
  fs::remove(config_file());
  run("rmi localhost:5001/private");
}

TEST_P(Registries, AreNotNeededForAnArchiveAtAnAddress) {
  if (!have_program("python3")) GTEST_SKIP() << "no python3 on this machine";
  const fs::path files = daemon->root() / "served";
  fs::create_directories(files);
  std::ofstream{files / "tree.tar"} << tar_of({{.path = "hello", .content = "from afar"}});
  ASSERT_EQ(shell("cd " + files.string() + " && cp tree.tar file.txt && gzip -f tree.tar").code, 0);
  std::ofstream{files / "text.tar"} << std::string(5000, 'x');
  Background server{std::string{"exec python3 "} + GANTRY_FILE_SERVER + " 8098 " + files.string(), Environment{},
                    false};
  ASSERT_TRUE(server.wait_for("ready")) << server.output();
  const std::string at = "http://127.0.0.1:8098";
  const Result imported = run("import -c 'CMD [\"x\"]' " + at + "/tree.tar.gz afar:1");
  EXPECT_EQ(imported.code, 0) << imported.err;
  EXPECT_THAT(imported.out, AllOf(HasSubstr("Downloading from " + at + "/tree.tar.gz"), HasSubstr("sha256:")));
  EXPECT_EQ(run("inspect -f '{{.Comment}} {{.Config.Cmd}}' afar:1").line(), "Imported from " + at + "/tree.tar.gz [x]");
  const std::string container = run("create afar:1").line();
  EXPECT_EQ(shell(program("gantry").string() + " cp " + container + ":/hello - | tar -xO", daemon->environment()).out,
            "from afar");
  run("rm " + container);
  // A redirect leads there as well.
  EXPECT_EQ(run("import " + at + "/moved afar:2").code, 0);
  EXPECT_THAT(run("import " + at + "/none afar:3").err, HasSubstr("failed to GET " + at + "/none: status 404"));
  EXPECT_THAT(run("import http://127.0.0.1:1/x afar:3").err, HasSubstr("failed to GET http://127.0.0.1:1/x: "));
  // What looks whole is not, if the server has announced more.
  EXPECT_THAT(run("import " + at + "/cut afar:3").err, HasSubstr("failed to GET " + at + "/cut: "));
  const Result text = run("import " + at + "/text.tar afar:3");
  EXPECT_NE(text.code, 0);
  EXPECT_EQ(run("images -q afar:3").out, "");
  run("rmi afar:1 afar:2");
}

TEST_P(Registries, GiveImagesOfTheirPlatformsOnly) {
  run("tag busybox platform:1");
  const std::string wrong = "provide the specified platform (linux/s390x)";
  EXPECT_THAT(run("history --platform linux/s390x platform:1").err, HasSubstr(wrong));
  const std::string file = (daemon->root() / "platform.tar").string();
  EXPECT_THAT(run("save --platform linux/s390x -o " + file + " platform:1").err, HasSubstr(wrong));
  ASSERT_EQ(run("save -o " + file + " platform:1").code, 0);
  const Result loaded = run("load --platform linux/s390x -i " + file);
  EXPECT_NE(loaded.code, 0);
  EXPECT_THAT(loaded.out + loaded.err, HasSubstr("has no image for the specified platform (linux/s390x)"));
  EXPECT_THAT(run("image ls --tree platform").out, AllOf(HasSubstr("platform:1"), HasSubstr("└─ linux/")));
  // As of the versions that have them.
  const auto answer = [](const std::string& path) { return daemon->api("GET", path); };
  EXPECT_TRUE(answer("/v1.47/images/json?manifests=1")[0].contains("Manifests"));
  EXPECT_FALSE(answer("/v1.46/images/json?manifests=1")[0].contains("Manifests"));
  EXPECT_FALSE(answer("/v1.47/images/json")[0].contains("Manifests"));
  EXPECT_TRUE(answer("/v1.48/images/platform:1/json?manifests=1").contains("Manifests"));
  EXPECT_FALSE(answer("/v1.47/images/platform:1/json?manifests=1").contains("Manifests"));
  const std::string other_one = "platform=%7B%22os%22:%22linux%22,%22architecture%22:%22s390x%22%7D";
  EXPECT_THAT(answer("/v1.49/images/platform:1/json?" + other_one)["message"].dump(), HasSubstr(wrong));
  EXPECT_TRUE(answer("/v1.48/images/platform:1/json?" + other_one).contains("Id"));
  EXPECT_THAT(answer("/v1.49/images/platform:1/json?manifests=1&" + other_one)["message"],
              "conflicting options: manifests and platform options cannot both be set");
  EXPECT_EQ(daemon->status(), 400);
  run("rmi platform:1");
}

}  // namespace
}  // namespace gantry::e2e
