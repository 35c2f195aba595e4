// Images in directories: what skopeo writes is pulled, what is pushed skopeo reads.

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class OciLayout : public Engine {
 protected:
  static std::string place(const std::string& name) { return (daemon->root() / name).string(); }
  static std::string id_of(const std::string& image) { return cli("inspect -f '{{.Id}}' " + image).line(); }
};

TEST_F(OciLayout, IsPushedToAndPulledFrom) {
  const std::string id = id_of("busybox");
  cli("tag busybox stick:7");
  const Result pushed = cli("push stick:7 oci:" + place("stick") + ":v7");
  EXPECT_EQ(pushed.code, 0) << pushed.err;
  EXPECT_THAT(pushed.out, HasSubstr("7: digest: sha256:"));
  EXPECT_EQ(cli("inspect -f '{{len .RepoDigests}}' stick:7").line(), "0") << "no registry has it";
  cli("rmi -f stick:7");
  const Result pulled = cli("pull oci:" + place("stick") + ":v7");
  EXPECT_EQ(pulled.code, 0) << pulled.err;
  EXPECT_THAT(pulled.out, HasSubstr("Status: Downloaded newer image for stick:v7"));
  EXPECT_EQ(id_of("stick:v7"), id);
  EXPECT_EQ(cli("run --rm stick:v7 echo runs").out, "runs\n");
  EXPECT_THAT(cli("pull oci:" + place("stick")).out, HasSubstr("stick:latest")) << "the only image needs no tag";
  cli("rmi stick:v7 stick:latest");
}

TEST_F(OciLayout, IsWhatSkopeoReadsAndWrites) {
  cli("push busybox oci:" + place("one") + ":a");
  EXPECT_EQ(shell("skopeo copy -q oci:" + place("one") + ":a oci:" + place("two") + ":b").code, 0);
  EXPECT_EQ(shell("skopeo copy -q oci:" + place("one") + ":a oci:" + place("two") + ":c").code, 0);
  EXPECT_EQ(cli("pull oci:" + place("two") + ":b").code, 0);
  EXPECT_EQ(cli("run --rm two:b echo runs").out, "runs\n");
  EXPECT_THAT(cli("pull oci:" + place("two")).err, AllOf(HasSubstr("holds 2 images"), HasSubstr("there are: b, c")));
  EXPECT_THAT(cli("pull oci:" + place("two") + ":d").err, HasSubstr("manifest unknown"));
  cli("rmi two:b");
}

TEST_F(OciLayout, IsNotTrusted) {
  cli("push busybox oci:" + place("bad") + ":1");
  EXPECT_THAT(cli("pull oci:" + place("none")).err, HasSubstr("is not an OCI image layout"));
  // A blob that says other than its name, a link, a pipe.
  const fs::path blobs = daemon->root() / "bad/blobs/sha256";
  fs::path largest;
  for (const auto& blob : fs::directory_iterator(blobs)) {
    if (largest.empty() || blob.file_size() > fs::file_size(largest)) largest = blob;
  }
  const std::string id = id_of("busybox");
  shell("cp " + largest.string() + " " + place("layer"));
  std::fstream(largest, std::ios::in | std::ios::out).seekp(100).put('x').put('y');
  cli("rmi -f busybox");
  // Whoever meets it first: the decompressor or the digest.
  EXPECT_THAT(cli("pull oci:" + place("bad") + ":1").err,
              AnyOf(HasSubstr("verification failed"), HasSubstr("invalid layer")));
  fs::remove(largest);
  fs::create_symlink("/etc/passwd", largest);
  EXPECT_THAT(cli("pull oci:" + place("bad") + ":1").err, HasSubstr("unknown"));
  fs::remove(largest);
  EXPECT_EQ(shell("mkfifo " + largest.string()).code, 0);
  EXPECT_THAT(cli("pull oci:" + place("bad") + ":1").err, HasSubstr("unknown"));
  EXPECT_EQ(cli("images -q").out, "");
  EXPECT_EQ(shell("mv -f " + place("layer") + " " + largest.string()).code, 0);
  EXPECT_EQ(cli("pull oci:" + place("bad") + ":1").code, 0);
  EXPECT_EQ(id_of("bad:1"), id);
  cli("tag bad:1 busybox");
  cli("rmi bad:1");
}

TEST_F(OciLayout, OfHostileDocumentsIsRefused) {
  cli("push busybox oci:" + place("deep") + ":1");
  const fs::path index = daemon->root() / "deep/index.json";
  const std::string nested = std::string(50000, '[') + std::string(50000, ']');
  std::ofstream(index) << R"({"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"1"},"x":)" << nested
                       << "}]}";
  EXPECT_THAT(cli("pull oci:" + place("deep") + ":1").err, HasSubstr("is no OCI image index"));
  EXPECT_THAT(cli("push busybox oci:" + place("deep") + ":2").err, HasSubstr("is no OCI image index"));
  std::string many;
  for (int entry = 0; entry < 300'000; ++entry) many += "{},";
  std::ofstream(index) << R"({"manifests":[)" << many << "{}]}";
  EXPECT_THAT(cli("pull oci:" + place("deep") + ":1").err, HasSubstr("manifest unknown"));
  EXPECT_EQ(cli("version").code, 0) << "the daemon is there";
}

TEST_F(OciLayout, ThatWasLeftHalfMadeIsCompleted) {
  cli("push busybox oci:" + place("half") + ":1");
  fs::remove(daemon->root() / "half/oci-layout");
  EXPECT_EQ(cli("push busybox oci:" + place("half") + ":2").code, 0);
  EXPECT_EQ(cli("pull oci:" + place("half") + ":1").code, 0) << "what was there is kept";
  fs::remove(daemon->root() / "half/index.json");
  EXPECT_EQ(cli("push busybox oci:" + place("half") + ":3").code, 0);
  EXPECT_EQ(cli("pull oci:" + place("half") + ":3").code, 0);
  fs::rename(daemon->root() / "half/blobs", daemon->root() / "elsewhere");
  fs::create_directory_symlink(daemon->root() / "elsewhere", daemon->root() / "half/blobs");
  EXPECT_THAT(cli("push busybox oci:" + place("half") + ":4").err, HasSubstr("/blobs is a link"));
  cli("rmi half:1 half:3");
}

}  // namespace
}  // namespace gantry::e2e
