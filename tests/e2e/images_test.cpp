// Images: from a real registry (plain, TLS with a private CA, with a password), from archives, and what must be
// refused.

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "address.hpp"
#include "engine.hpp"
#include "registry.hpp"

namespace gantry::e2e {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Images : public BothClients {
 protected:
  /// Where the daemon keeps a layout's blob.
  static std::filesystem::path stored(const std::filesystem::path& blob) {
    return daemon->data_root() / "blobs/sha256" / blob.filename();
  }
};
INSTANTIATE_TEST_SUITE_P(By, Images, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Images, ArePulledFromAPlainRegistryOnLoopback) {
  Registry registry{{}};
  registry.push(busybox_layout(5), "team/tool:1.0");
  const Result pulled = run("pull localhost:5000/team/tool:1.0");
  EXPECT_EQ(pulled.code, 0) << pulled.err;
  EXPECT_THAT(pulled.out, HasSubstr("Pull complete"));
  EXPECT_THAT(pulled.out, HasSubstr("Digest: sha256:"));
  EXPECT_THAT(pulled.out, HasSubstr("Status: Downloaded newer image for localhost:5000/team/tool:1.0"));
  EXPECT_THAT(run("pull localhost:5000/team/tool:1.0").out,
              HasSubstr("Status: Image is up to date for localhost:5000/team/tool:1.0"));
  EXPECT_EQ(run("run --rm localhost:5000/team/tool:1.0 sh -c 'cat /layer/*'").out, "1234");
  EXPECT_THAT(run("images localhost:5000/team/tool").out, HasSubstr("1.0"));
  const std::string by_digest = run("inspect -f '{{index .RepoDigests 0}}' localhost:5000/team/tool:1.0").line();
  EXPECT_THAT(by_digest, StartsWith("localhost:5000/team/tool@sha256:"));
  EXPECT_EQ(run("rmi localhost:5000/team/tool:1.0").code, 0);
  EXPECT_EQ(run("pull -q " + by_digest).line(), by_digest);
  EXPECT_EQ(run("rmi " + by_digest).code, 0);
}

TEST_P(Images, ArePushedAndComeBack) {
  Registry registry{{}};
  run("tag busybox localhost:5000/mine:v2");
  const Result pushed = run("push localhost:5000/mine:v2");
  EXPECT_EQ(pushed.code, 0) << pushed.err;
  EXPECT_THAT(pushed.out, HasSubstr("v2: digest: sha256:"));
  const std::string id = run("inspect -f '{{.Id}}' localhost:5000/mine:v2").line();
  run("rmi localhost:5000/mine:v2");
  EXPECT_EQ(run("pull localhost:5000/mine:v2").code, 0);
  EXPECT_EQ(run("inspect -f '{{.Id}}' localhost:5000/mine:v2").line(), id);
  run("rmi localhost:5000/mine:v2");
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

/// The blobs of a layout's own layers, without those of busybox, which may be here under another name.
std::vector<std::filesystem::path> own_layers(const std::filesystem::path& layout) {
  constexpr std::uintmax_t kSmall = 100'000;
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator{layout / "blobs/sha256"}) {
    const bool is_layer = bytes_of(entry.path()).starts_with("\x1f\x8b");
    if (is_layer && entry.file_size() < kSmall) out.push_back(entry.path());
  }
  return out;
}

/// As a disk does that forgets: its length stays.
void damage(const std::filesystem::path& blob) {
  std::string bytes = bytes_of(blob);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(blob, std::ios::binary) << bytes;
}

TEST_P(Images, AreBroughtAnewWhereTheirBlobsAreDamaged) {
  Registry registry{{}};
  const std::filesystem::path layout = busybox_layout(3);
  registry.push(layout, "worn:1");
  const auto blobs = own_layers(layout);
  ASSERT_FALSE(blobs.empty());
  // They are in the way before the image comes.
  for (const auto& blob : blobs) {
    std::filesystem::copy(blob, stored(blob));
    damage(stored(blob));
  }
  const Result pulled = run("pull -q localhost:5000/worn:1");
  ASSERT_EQ(pulled.code, 0) << pulled.err;
  for (const auto& blob : blobs) EXPECT_EQ(bytes_of(stored(blob)), bytes_of(blob));
  EXPECT_EQ(run("run --rm localhost:5000/worn:1 sh -c 'cat /layer/*'").out, "12");
  run("rmi localhost:5000/worn:1");
}

TEST_P(Images, SayThatTheirBlobsAreDamagedBeforeTheyAreSentOn) {
  Registry registry{{}};
  const std::filesystem::path layout = busybox_layout(2);
  registry.push(layout, "worn:1");
  ASSERT_EQ(run("pull -q localhost:5000/worn:1").code, 0);
  run("tag localhost:5000/worn:1 localhost:5000/other/worn:1");
  const auto blobs = own_layers(layout);
  ASSERT_FALSE(blobs.empty());
  const auto blob = stored(blobs.front());
  const std::string right = bytes_of(blob);
  const std::string archive = (daemon->root() / "worn.tar").string();
  damage(blob);
  EXPECT_NE(run("save -o " + archive + " localhost:5000/worn:1").code, 0);
  EXPECT_FALSE(std::filesystem::exists(blob)) << "nobody is to take it for good";
  EXPECT_THAT(run("save -o " + archive + " localhost:5000/worn:1").err,
              HasSubstr("blob sha256:" + blob.filename().string() + " is not in the store"));
  ASSERT_EQ(run("pull -q localhost:5000/worn:1").code, 0);
  EXPECT_EQ(bytes_of(blob), right);
  ASSERT_EQ(run("save -o " + archive + " localhost:5000/worn:1").code, 0);
  std::filesystem::resize_file(blob, right.size() - 1);
  registry.stop();
  std::filesystem::remove_all(registry.root() / "data");
  registry.start();
  const Result pushed = run("push localhost:5000/other/worn:1");
  EXPECT_NE(pushed.code, 0);
  EXPECT_THAT(pushed.out + pushed.err, HasSubstr("the stored blob sha256:" + blob.filename().string() + " is damaged"));
  // An archive of it will do as well.
  ASSERT_EQ(run("load -i " + archive).code, 0);
  EXPECT_EQ(bytes_of(blob), right);
  EXPECT_EQ(run("push localhost:5000/other/worn:1").code, 0);
  run("rmi localhost:5000/worn:1 localhost:5000/other/worn:1");
}

TEST_P(Images, AreNotCompressedOutOfDamagedBlobs) {
  Registry registry{{}};
  const std::string archive = tar_of({{.path = "file", .content = std::string(5000, 'x')}});
  ASSERT_EQ(run("import - localhost:5000/plain:1", archive).code, 0);
  const std::string digest = run("inspect -f '{{index .RootFS.Layers 0}}' localhost:5000/plain:1").line();
  damage(stored(digest.substr(digest.find(':') + 1)));
  const Result pushed = run("push localhost:5000/plain:1");
  EXPECT_NE(pushed.code, 0);
  EXPECT_THAT(pushed.out + pushed.err, HasSubstr("the stored blob " + digest + " is damaged"));
  EXPECT_EQ(run("rmi localhost:5000/plain:1").code, 0);
}

TEST_P(Images, NeedAnAuthorityThatTheHostKnows) {
  const Address address{"10.5.0.1"};
  Registry registry{{.tls = true, .password = false, .port = 5443, .address = address.text()}};
  registry.push(busybox_layout(), "safe");
  const Result refused = run("pull -q 10.5.0.1:5443/safe");
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr("tls: failed to verify certificate"));
}

TEST_P(Images, NeedThePassword) {
  Registry registry{{.tls = false, .password = true, .port = 5001}};
  registry.push(busybox_layout(), "private");
  const Result refused = run("pull localhost:5001/private");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("no basic auth credentials"));
  EXPECT_NE(run("login -u alice --password-stdin localhost:5001", "wrong").code, 0);
  const Result in = run("login -u alice --password-stdin localhost:5001", "secret");
  EXPECT_THAT(in.out, HasSubstr("Login Succeeded")) << in.err;
  EXPECT_EQ(run("pull -q localhost:5001/private").line(), "localhost:5001/private:latest");
  EXPECT_EQ(run("logout localhost:5001").code, 0);
  EXPECT_EQ(run("pull localhost:5001/private").code, 1);
  run("rmi localhost:5001/private");
}

TEST_P(Images, AreSavedAndLoaded) {
  const std::string file = (daemon->root() / "saved.tar").string();
  run("tag busybox saved:1");
  EXPECT_EQ(run("save -o " + file + " saved:1").code, 0);
  EXPECT_EQ(run("rmi saved:1").line(), "Untagged: saved:1");
  EXPECT_EQ(run("load -i " + file).line(), "Loaded image: saved:1");
  EXPECT_EQ(run("run --rm saved:1 echo back").line(), "back");
  run("rmi saved:1");
}

TEST_P(Images, AreLoadedFromAnArchiveThatEndsWithItsContent) {
  run("tag busybox ended:1");
  const std::string folder = (daemon->root() / "ended").string();
  run("save -o " + folder + ".tar ended:1");
  run("rmi ended:1");
  std::string tar = shell("mkdir " + folder + " && cd " + folder + " && tar -xf ../ended.tar && " +
                          "tar -c --exclude ./manifest.json . manifest.json")
                        .out;
  tar.resize(tar.find_last_not_of('\0') + 1);
  const Result cut = run("load", tar.substr(0, tar.size() - 1));
  EXPECT_NE(cut.code, 0);
  EXPECT_THAT(cut.out + cut.err, HasSubstr("Truncated"));
  EXPECT_EQ(run("load", tar).line(), "Loaded image: ended:1");
  run("rmi ended:1");
  std::filesystem::remove_all(folder);
}

TEST_P(Images, UnknownOnesAreSaidToBe) {
  Registry registry{{}};
  const Result unknown = run("pull localhost:5000/nothing:here");
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err,
              HasSubstr("manifest for localhost:5000/nothing:here not found: manifest unknown: manifest unknown"));
  EXPECT_THAT(run("pull UPPER").err,
              AllOf(HasSubstr("invalid reference format: repository name"), HasSubstr("must be lowercase")));
  EXPECT_THAT(run("rmi nothing").err, HasSubstr("No such image: nothing"));
}

TEST_P(Images, InUseAreNotRemoved) {
  // The last name of an image that a container stands on stays.
  run("import - used:1", tar_of({{.path = "only", .content = "here"}}));
  run("create --name user used:1 true");
  const Result refused = run("rmi used:1");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err,
              HasSubstr("conflict: unable to remove repository reference \"used:1\" (must force) - container"));
  run("rm user");
  EXPECT_EQ(run("rmi used:1").code, 0);
}

TEST_P(Images, WithChildrenLoseTheirNameAlone) {
  for (const std::string flag : {"", "-f "}) {
    run("create --name maker busybox true");
    const std::string id = run("commit maker base").line();
    run("rm maker");
    run("create --name maker base true");
    const std::string child = run("commit maker child").line();
    run("rm maker");
    const Result refused = run("rmi " + flag + id);
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr("conflict: unable to delete " + id.substr(7, 12) +
                                       " (cannot be forced) - image has dependent child images"));
    // A container that stands on it keeps its last name.
    run("create --name user base true");
    EXPECT_THAT(run("rmi base").err, HasSubstr("unable to remove repository reference \"base\" (must force)"));
    run("rm user");
    const Result untagged = run("rmi " + flag + "base");
    EXPECT_EQ(untagged.code, 0) << untagged.err;
    EXPECT_EQ(untagged.out, "Untagged: base:latest\n");
    EXPECT_EQ(run("inspect -f '{{.RepoTags}}' " + id).line(), "[]");
    EXPECT_EQ(run("images -q --no-trunc").out.find(id), std::string::npos);
    EXPECT_EQ(run("run --rm child echo fine").line(), "fine");
    // It goes with the last child.
    EXPECT_EQ(run("rmi child").out, "Untagged: child:latest\nDeleted: " + child + "\nDeleted: " + id + "\n");
  }
}

TEST_P(Images, ShowHistoryAndFields) {
  EXPECT_THAT(run("history busybox").out, HasSubstr("made by a test"));
  // docker's own table is another since 29.
  EXPECT_THAT(run("images").line(),
              AnyOf(StartsWith("REPOSITORY   TAG       IMAGE ID       CREATED"), StartsWith("IMAGE  ")));
  EXPECT_EQ(run("inspect -f '{{.Os}}/{{.Architecture}}' busybox").line(), "linux/amd64");
}

// What a hostile image must not do.
class HostileImages : public Engine {};

Result load(Daemon& daemon, const std::vector<std::string>& layers) {
  static int number = 0;
  const std::filesystem::path folder = daemon.root() / ("hostile-" + std::to_string(++number));
  make_layout(folder, layers, {{"Cmd", {"sh"}}}, "hostile:latest");
  return shell("tar -C " + folder.string() + " -c . | " + program("gantry").string() + " load", daemon.environment());
}

TEST_F(HostileImages, CannotWriteOutside) {
  const std::filesystem::path target = daemon->root() / "outside";
  std::filesystem::create_directories(target);
  const std::string up = std::string{"../../../../../../../../../.."} + target.string() + "/file";
  for (const std::vector<Entry>& entries : std::vector<std::vector<Entry>>{
           {{.path = up, .content = "x"}},
           {{.path = target.string() + "/absolute", .content = "x"}},
           {{.path = "link", .content = target.string(), .type = 'l'}, {.path = "link/file", .content = "x"}},
           {{.path = "link", .content = "../../../../../../../../../.." + target.string(), .type = 'l'},
            {.path = "link/file", .content = "x"}},
           {{.path = "hard", .content = "../../../../../../../../../../etc/passwd", .type = 'h'}},
       }) {
    load(*daemon, {tar_of(entries)});
    EXPECT_TRUE(std::filesystem::is_empty(target));
    cli("rmi -f hostile");
  }
}

TEST_F(HostileImages, WithAWrongDiffIdAreRefusedWhole) {
  const std::filesystem::path folder = daemon->root() / "wrong";
  make_layout(folder, {tar_of({{.path = "a", .content = "1"}})}, {{"Cmd", {"sh"}}}, "wrong:latest");
  // Another layer under the digest that the manifest names.
  for (const auto& blob : std::filesystem::directory_iterator{folder / "blobs/sha256"}) {
    std::ifstream in{blob.path(), std::ios::binary};
    if (in.get() == 0x1f)
      std::ofstream{blob.path(), std::ios::binary} << shell("gzip", {}, tar_of({{.path = "b", .content = "2"}})).out;
  }
  const Result loaded =
      shell("tar -C " + folder.string() + " -c . | " + program("gantry").string() + " load", daemon->environment());
  EXPECT_NE(loaded.code, 0);
  EXPECT_EQ(cli("images -q wrong").out, "");
}

TEST_F(HostileImages, GarbageIsRefused) {
  EXPECT_NE(cli("load", "this is no archive").code, 0);
  EXPECT_NE(
      cli("load", tar_of({{.path = "manifest.json", .content = "[{\"Config\":\"../../etc/passwd\",\"Layers\":[]}]"}}))
          .code,
      0);
}

// A registry that dies in the middle.
class BrokenRegistries : public Engine {
 protected:
  static std::string noise_of(std::size_t size) {
    std::string noise(size, 'x');
    std::mt19937 random{1};
    for (char& byte : noise) byte = static_cast<char>(random());
    return noise;
  }
};

TEST_F(BrokenRegistries, LeaveNothingBehind) {
  Registry registry{{}};
  const std::string noise = noise_of(300'000);
  registry.push(
      make_layout(daemon->root() / "gone", {tar_of({{.path = "noise", .content = noise}})}, {{"Cmd", {"sh"}}}, "gone"),
      "gone");
  const auto blobs = [] { return shell("find " + daemon->data_root().string() + "/blobs -type f | sort").out; };
  const std::string before = blobs();
  // One blob of the registry's is cut short on its disk.
  shell("f=$(find " + registry.root().string() + "/data -name data -size +100k | head -1); truncate -s 50000 $f");
  const Result pulled = cli("pull localhost:5000/gone");
  EXPECT_EQ(pulled.code, 1);
  EXPECT_EQ(cli("images -q localhost:5000/gone").out, "");
  registry.stop();
  const Result refused = cli("pull localhost:5000/other");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("connection refused"));
  EXPECT_EQ(blobs(), before);
}

TEST_F(BrokenRegistries, APullGoesOnWhereItBrokeOff) {
  Registry registry{{}};
  const std::string noise = noise_of(6'000'000);
  registry.push(
      make_layout(daemon->root() / "big", {tar_of({{.path = "noise", .content = noise}})}, {{"Cmd", {"sh"}}}, "big"),
      "big");
  const std::string data = shell("find " + registry.root().string() + "/data -name data -size +4M | head -1").line();
  const auto beginnings = [] {
    return shell("find " + daemon->data_root().string() + "/blobs/ingest -name '*.beginning' -size +2000k")
        .lines()
        .size();
  };
  shell("cp " + data + " " + data + ".whole; truncate -s 3000000 " + data);
  EXPECT_EQ(cli("pull localhost:5000/big").code, 1);
  EXPECT_EQ(beginnings(), 1U);
  daemon->kill(SIGKILL);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(beginnings(), 1U);
  // What it has already comes from nowhere else.
  shell("head -c 2500000 /dev/zero >" + data + "; tail -c +2500001 " + data + ".whole >>" + data);
  const Result pulled = cli("pull -q localhost:5000/big");
  EXPECT_EQ(pulled.code, 0) << pulled.err;
  EXPECT_EQ(beginnings(), 0U);
  EXPECT_EQ(cli("save localhost:5000/big | tar tf - | grep -c blobs/sha256/.").code, 0);

  // A prune takes what is left of one that nobody will go on with.
  cli("rmi localhost:5000/big");
  shell("truncate -s 3000000 " + data);
  EXPECT_EQ(cli("pull localhost:5000/big").code, 1);
  EXPECT_EQ(beginnings(), 1U);
  EXPECT_THAT(cli("image prune -f").out, ::testing::ContainsRegex("reclaimed space: [23]\\.[0-9]+MB"));
  EXPECT_EQ(beginnings(), 0U);
}

}  // namespace
}  // namespace gantry::e2e
