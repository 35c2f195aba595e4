// One name for images of several platforms, of which the store keeps one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "images/archive_maker.hpp"
#include "images/manifest.hpp"
#include "images/platform.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Platform kHost = host_platform();
const Platform kOther{"linux", "riscv64", ""};
const Platform kNone{"linux", "s390x", ""};

/// An OCI layout whose one name is an index of two images, and what is said about them.
class LayoutMaker {
 public:
  json add(std::string_view type, const std::string& content) {
    const std::string digest = sha256_digest(content);
    tar_.file("blobs/sha256/" + digest.substr(7), content);
    return {{"mediaType", type}, {"digest", digest}, {"size", content.size()}};
  }

  json add_image(const Platform& platform) {
    const std::string layer = layer_tar("arch", platform.architecture);
    const json config{{"os", platform.os},
                      {"architecture", platform.architecture},
                      {"config", json::object()},
                      {"rootfs", {{"type", "layers"}, {"diff_ids", {sha256_digest(layer)}}}},
                      {"history", {{{"created_by", "for " + platform.architecture}}}}};
    json entry = add_manifest(add(media_type::kOciConfig, config.dump()), add(media_type::kOciLayer, layer));
    entry["platform"] = {{"os", platform.os}, {"architecture", platform.architecture}};
    return entry;
  }

  json add_statement(const json& subject) {
    const json layer = add("application/vnd.in-toto+json", R"({"predicateType":"test"})");
    json entry = add_manifest(add(media_type::kOciConfig, "{}"), layer);
    entry["platform"] = {{"os", "unknown"}, {"architecture", "unknown"}};
    entry["annotations"] = {{"vnd.docker.reference.type", "attestation-manifest"},
                            {"vnd.docker.reference.digest", subject["digest"]}};
    return entry;
  }

  std::string finish(const json& manifests) {
    const json index{{"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", manifests}};
    json entry = add(media_type::kOciIndex, index.dump());
    entry["annotations"] = {{"io.containerd.image.name", "docker.io/library/box:1"},
                            {"org.opencontainers.image.ref.name", "1"}};
    const json top{{"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", {entry}}};
    tar_.file("index.json", top.dump()).file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    return tar_.take();
  }

 private:
  json add_manifest(const json& config, const json& layer) {
    const json manifest{
        {"schemaVersion", 2}, {"mediaType", media_type::kOciManifest}, {"config", config}, {"layers", {layer}}};
    return add(media_type::kOciManifest, manifest.dump());
  }

  conformance::TarMaker tar_;
};

class ImagePlatform : public ImageService {
 protected:
  static std::string both() {
    LayoutMaker maker;
    const json other = maker.add_image(kOther);
    return maker.finish({other, maker.add_image(kHost)});
  }
  static std::string attested() {
    LayoutMaker maker;
    const json image = maker.add_image(kHost);
    return maker.finish({image, maker.add_statement(image)});
  }
  std::string load_for(const std::string& archive, const std::optional<Platform>& platform) {
    const UploadSource source = upload(archive);
    const Report to = report();
    return daemon_->run([&]() -> awaitable<void> { co_await service().load(source, true, to, nullptr, platform); });
  }
  std::string save_for(const Platform& platform) {
    saved_.clear();
    const DownloadSink sink = [this](std::string_view piece) -> awaitable<void> { return keep(piece); };
    const std::vector<std::string> boxes{"box:1"};
    return daemon_->run([&]() -> awaitable<void> { co_await service().save(boxes, sink, nullptr, platform); });
  }
  std::string remove_for(const std::vector<Platform>& platforms, bool force) {
    return daemon_->run([&]() -> awaitable<void> {
      const auto gone = co_await service().remove_platforms("box:1", platforms, force, true);
      removed_.clear();
      for (const auto& item : gone) removed_.push_back(item.untagged + item.deleted);
    });
  }
  static std::string refusal(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::not_found);
      return error.what();
    }
    return "";
  }
  static std::string missing(const Platform& platform) {
    return "image with reference box:1 was found but does not provide the specified platform (" + platform.str() + ")";
  }
};

TEST_F(ImagePlatform, OfAnArchiveIsTheHostsOrTheOneThatIsNamed) {
  ASSERT_EQ(load_for(both(), {}), "");
  EXPECT_EQ(service().inspect("box:1")["Architecture"], kHost.architecture);
  ASSERT_EQ(load_for(both(), kOther), "");
  EXPECT_EQ(service().inspect("box:1")["Architecture"], "riscv64");
  EXPECT_EQ(load_for(both(), kNone), "the archive has no image for the specified platform (linux/s390x)");
  // The archive's own names count for nothing then.
  EXPECT_EQ(load_for(archive_of(Packed{{kSmall}}, "cml"), kNone),
            "the archive has no image for the specified platform (linux/s390x)");
  EXPECT_EQ(service().inspect("box:1")["Architecture"], "riscv64");
}

TEST_F(ImagePlatform, IsChosenOfAnIndexThatIsPulled) {
  std::ofstream{root_ / "both.tar", std::ios::binary} << both();
  const std::string place = (root_ / "layout").string();
  ASSERT_EQ(std::system(("mkdir " + place + " && tar -xf " + place + "/../both.tar -C " + place).c_str()), 0);
  PullRequest request;
  request.image = "oci:" + place + ":1";
  const Report ignore = [](const wire::ProgressMessage&) {};
  const auto pulled = [&](const std::string& platform) {
    request.platform = platform;
    return daemon_->run([&]() -> awaitable<void> { co_await service().pull(request, ignore, nullptr); });
  };
  ASSERT_EQ(pulled("linux/riscv64"), "");
  ASSERT_THAT(names(), SizeIs(1));
  EXPECT_EQ(service().inspect(names().front())["Architecture"], "riscv64");
  ASSERT_EQ(pulled(""), "");
  EXPECT_EQ(service().inspect(names().front())["Architecture"], kHost.architecture);
  EXPECT_EQ(pulled("linux/s390x"), "no matching manifest for linux/s390x in the manifest list entries");
}

TEST_F(ImagePlatform, MustBeTheImages) {
  ASSERT_EQ(load_for(both(), kOther), "");
  EXPECT_EQ(service().inspect("box:1", {kOther, false, false})["Architecture"], "riscv64");
  EXPECT_EQ(refusal([&] { (void)service().inspect("box:1", {kHost, false, false}); }), missing(kHost));
  EXPECT_THAT(service().history("box:1", kOther), SizeIs(1));
  EXPECT_EQ(refusal([&] { (void)service().history("box:1", kHost); }), missing(kHost));
  EXPECT_EQ(save_for(kHost), missing(kHost));
  EXPECT_THAT(saved_, IsEmpty());
  EXPECT_EQ(save_for(kOther), "");
  EXPECT_EQ(load_for(saved_, kOther), "");
  PushRequest request;
  request.image = "box:1";
  request.platform = kHost;
  const Report ignore = [](const wire::ProgressMessage&) {};
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await service().push(request, ignore, nullptr); }),
            missing(kHost));
}

TEST_F(ImagePlatform, IsRemovedByForceWhateverTheNames) {
  ASSERT_EQ(load_for(both(), kOther), "");
  service().tag("box:1", "another", "2");
  EXPECT_THAT(remove_for({kOther}, false), HasSubstr("Use --force to force delete"));
  EXPECT_EQ(remove_for({kOther, kHost}, true), missing(kHost));
  EXPECT_THAT(names(), ElementsAre("another:2", "box:1"));
  ASSERT_EQ(remove_for({kOther}, true), "");
  EXPECT_THAT(removed_, AllOf(Contains("another:2"), Contains("box:1")));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(layers(), 0U);
}

TEST_F(ImagePlatform, ShowsTheManifestsOfAnImage) {
  ASSERT_EQ(load_for(attested(), {}), "");
  daemon_->used = service().get("box:1")->id;
  daemon_->users = {{"c1", false}};
  ListRequest request;
  EXPECT_FALSE(service().list(request).front().manifests);
  request.manifests = true;
  const json listed = service().list(request).front();
  ASSERT_THAT(listed["Manifests"], SizeIs(2));
  const json& image = listed["Manifests"][0];
  const json& statement = listed["Manifests"][1];
  EXPECT_EQ(image["Kind"], "image");
  EXPECT_EQ(image["ID"], image["Descriptor"]["digest"]);
  EXPECT_EQ(image["Available"], true);
  EXPECT_EQ(image["ImageData"]["Platform"]["architecture"], kHost.architecture);
  EXPECT_EQ(image["ImageData"]["Containers"], json({"c1"}));
  EXPECT_EQ(image["ImageData"]["Size"]["Unpacked"], kHost.architecture.size());
  EXPECT_EQ(image["Size"]["Total"], image["Size"]["Content"].get<int>() + kHost.architecture.size());
  EXPECT_EQ(statement["Kind"], "attestation");
  EXPECT_EQ(statement["AttestationData"]["For"], image["ID"]);
  EXPECT_EQ(statement["Available"], true);
  EXPECT_EQ(service().inspect("box:1", {{}, true, false})["Manifests"], listed["Manifests"]);
  // Loaded, and pulled from nowhere.
  EXPECT_FALSE(service().inspect("box:1", {{}, false, true}).contains("Identity"));
}

TEST_F(ImagePlatform, SaysWhichContentIsMissing) {
  ASSERT_EQ(load_for(attested(), {}), "");
  ListRequest request;
  request.manifests = true;
  const auto whole = *service().list(request).front().manifests;
  const std::string layer = layer_tar("arch", kHost.architecture);
  std::filesystem::remove(root_ / "blobs" / "sha256" / sha256_digest(layer).substr(7));
  const auto damaged = *service().list(request).front().manifests;
  EXPECT_FALSE(damaged[0].available);
  EXPECT_EQ(damaged[0].content, whole[0].content - static_cast<std::int64_t>(layer.size()));
  EXPECT_TRUE(damaged[1].available);
}

TEST_F(ImagePlatform, ThatIsNamedComesWithoutStatements) {
  ASSERT_EQ(load_for(attested(), {}), "");
  ASSERT_EQ(save({"box:1"}), "");
  EXPECT_THAT(saved_, HasSubstr("predicateType"));
  ASSERT_EQ(save_for(kHost), "");
  EXPECT_THAT(saved_, Not(HasSubstr("predicateType")));
}

TEST(SamePlatform, IsNotWhatItAlsoRuns) {
  EXPECT_TRUE(same_platform({"linux", "amd64", ""}, {"linux", "x86_64", ""}));
  EXPECT_FALSE(same_platform({"linux", "amd64", ""}, {"linux", "386", ""}));
  EXPECT_FALSE(same_platform({"linux", "arm", "v7"}, {"linux", "arm", "v6"}));
  EXPECT_TRUE(same_platform({"linux", "arm", "v6"}, {"linux", "arm", ""}));
  EXPECT_TRUE(same_platform({"linux", "arm64", "v8"}, {"linux", "arm64", ""}));
  EXPECT_FALSE(same_platform({"linux", "arm64", ""}, {"windows", "arm64", ""}));
}

}  // namespace
}  // namespace gantry::images
