// Archives that are not sent, because client and daemon are on the same host: as if they had been.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LentArchives : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    file_ = daemon->root() / "lent.tar";
    ASSERT_EQ(cli("tag busybox lent:1").code, 0);
    ASSERT_EQ(cli("save -o " + file_.string() + " lent:1").code, 0);
    ASSERT_EQ(cli("rmi lent:1").code, 0);
  }
  void TearDown() override {
    cli("rmi -f lent:1");
    fs::remove(file_);
    Engine::TearDown();
  }

  [[nodiscard]] nlohmann::json claim() const {
    struct stat status {};
    EXPECT_EQ(::stat(file_.c_str(), &status), 0);
    std::string boot;
    std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"}, boot);
    return {{"Descriptor", 9},
            {"Device", status.st_dev},
            {"Inode", status.st_ino},
            {"Size", status.st_size},
            {"Boot", boot}};
  }

  /// The status that a client gets which has descriptor 9 opened by `redirection`.
  [[nodiscard]] std::string lend(const nlohmann::json& body, const std::string& redirection) const {
    return shell("exec 9" + redirection +
                     "; curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' " +
                     "--data-binary @- --unix-socket " + daemon->socket().string() + " http://d/images/load/lent",
                 {}, body.dump())
        .out;
  }

  fs::path file_;
};

TEST_F(LentArchives, GiveTheImageOfOneThatIsSent) {
  const std::string id = cli("inspect -f '{{.Id}}' busybox").line();
  for (const std::string& way : {" load -i " + file_.string(), " load < " + file_.string()}) {
    const Result loaded = shell(program("gantry").string() + way, daemon->environment());
    EXPECT_EQ(loaded.out, "Loaded image: lent:1\n") << loaded.err;
    EXPECT_EQ(cli("inspect -f '{{.Id}}' lent:1").line(), id);
    EXPECT_EQ(cli("rmi lent:1").line(), "Untagged: lent:1");
  }
  // What comes after it finds the input at its end; what does not begin at the start is sent.
  const std::string gantry = program("gantry").string();
  EXPECT_EQ(shell("{ " + gantry + " load; cat; } < " + file_.string(), daemon->environment()).out,
            "Loaded image: lent:1\n");
  EXPECT_EQ(shell("{ echo first; cat " + file_.string() + "; } > " + file_.string() + ".2; { read -r line; " + gantry +
                      " load; } < " + file_.string() + ".2; rm " + file_.string() + ".2",
                  daemon->environment())
                .out,
            "Loaded image: lent:1\n");
}

TEST_F(LentArchives, FailLikeThoseThatAreSent) {
  std::ofstream{file_} << "this is no archive";
  const Result lent = cli("load -i " + file_.string());
  const Result sent =
      shell("cat " + file_.string() + " | " + program("gantry").string() + " load", daemon->environment());
  EXPECT_NE(lent.code, 0);
  EXPECT_EQ(lent.code, sent.code);
  EXPECT_EQ(lent.err, sent.err);
}

TEST_F(LentArchives, AreOnlyTakenFromWhoHasThemOpen) {
  const std::string reading = "< " + file_.string();
  EXPECT_EQ(lend(claim(), reading), "200");
  EXPECT_EQ(cli("image inspect lent:1").code, 0);
  EXPECT_EQ(lend(claim(), ">> " + file_.string()), "409") << "nobody may read what it can only write";
  EXPECT_EQ(lend(claim(), "< /etc/hostname"), "409");
  EXPECT_EQ(lend(claim(), "< " + file_.parent_path().string()), "409");
  EXPECT_EQ(lend(claim(), "<&-"), "409");
  for (const std::string member : {"Device", "Inode", "Size", "Descriptor"}) {
    nlohmann::json wrong = claim();
    wrong[member] = 77;
    EXPECT_EQ(lend(wrong, reading), "409") << member;
  }
  nlohmann::json elsewhere = claim();
  elsewhere["Boot"] = "another";
  EXPECT_EQ(lend(elsewhere, reading), "409");
  EXPECT_EQ(lend(nlohmann::json::array(), reading), "400");
}

}  // namespace
}  // namespace gantry::e2e
