#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "base/digest.hpp"
#include "gantry/registry.hpp"
#include "loopback_registry.hpp"
#include "subject.hpp"

namespace gantry::conformance {

using registry::v1::Descriptor;
using registry::v1::Manifest;
using registry::v1::Repository;
using ::testing::HasSubstr;

/// Collects what it gets; fails or cancels once it has `limit` bytes.
class Collector : public ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (content.size() < limit) return;
    limit = std::string::npos;
    at_limit();
  }

  std::string content;
  std::size_t limit = std::string::npos;
  std::function<void()> at_limit;
};

class TextSource : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), text_.size());
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()), count, buffer.begin());
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

/// A registry of the kit's own, filled through the driver.
class Registry : public Suite<registry::v1::Driver> {
 protected:
  void SetUp() override {
    Suite::SetUp();
    if (IsSkipped()) return;
    server_ = std::make_unique<LoopbackRegistry>();
    repository = {server_->host(), "conformance/sample", {}};
    Capabilities capabilities;
    driver().capabilities(capabilities);
    for (const std::string& capability : capabilities) {
      constexpr std::string_view prefix = "transport:";
      if (!capability.starts_with(prefix)) continue;
      repository = {{}, scratch() / "place", capability.substr(prefix.size())};
      // There is something at the place.
      if (can("push")) push_manifest("first");
    }
  }

  static Descriptor descriptor(const std::string& blob) {
    return {"application/octet-stream", sha256_digest(blob), blob.size(), {}};
  }

  Descriptor push(const std::string& blob) {
    TextSource source{blob};
    driver().put_blob(repository, descriptor(blob), {}, {}, source, call());
    return descriptor(blob);
  }

  void push_manifest(const std::string& tag) {
    Manifest manifest;
    manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
    manifest.content = "{\"tag\":\"" + tag + "\"}";
    manifest.digest = sha256_digest(manifest.content);
    driver().put_manifest(repository, tag, manifest, {}, call());
  }

  static std::string big_blob() {
    std::string blob;
    for (int n = 0; blob.size() < (4U << 20); ++n) blob += std::to_string(n) + ",";
    return blob;
  }

  Repository repository;

 private:
  std::unique_ptr<LoopbackRegistry> server_;
};

TEST_F(Registry, GivesBackWhatWasPushed) {
  if (!can("push")) GTEST_SKIP() << "cannot push";
  const std::string blob = big_blob();
  const Descriptor pushed = push(blob);
  Collector sink;
  driver().get_blob(repository, pushed, 0, {}, sink, call());
  EXPECT_TRUE(sink.content == blob);

  Manifest manifest;
  manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
  manifest.content = R"({ "schemaVersion": 2,  "spaces": "kept" })";
  manifest.digest = sha256_digest(manifest.content);
  driver().put_manifest(repository, "latest", manifest, {}, call());
  for (const std::string& reference : {std::string{"latest"}, manifest.digest}) {
    Manifest found;
    try {
      driver().get_manifest(repository, reference, {}, found, call());
    } catch (const Error& error) {
      ADD_FAILURE() << reference << ": " << error.what();
    }
    EXPECT_EQ(found.content, manifest.content);
    EXPECT_EQ(found.media_type, manifest.media_type);
    EXPECT_EQ(found.digest, manifest.digest);
  }
}

TEST_F(Registry, SendsABlobFromAnOffset) {
  if (!can("push")) GTEST_SKIP() << "cannot push";
  const std::string blob = big_blob();
  const Descriptor pushed = push(blob);
  Collector sink;
  driver().get_blob(repository, pushed, 1'000'000, {}, sink, call());
  EXPECT_TRUE(sink.content == blob.substr(1'000'000));
}

TEST_F(Registry, PushesABlobOnce) {
  if (!can("push")) GTEST_SKIP() << "cannot push";
  const std::string blob = "a blob of this test's alone: " + scratch().string();
  EXPECT_FALSE(driver().has_blob(repository, descriptor(blob), {}, call()));
  push(blob);
  EXPECT_TRUE(driver().has_blob(repository, descriptor(blob), {}, call()));
}

TEST_F(Registry, WorksBesideASecondObject) {
  const std::string text = "{}";
  const auto second = beside();
  if (!can("push")) GTEST_SKIP() << "cannot push";
  const Descriptor pushed = push(text);
  Collector by_second;
  second->get_blob(repository, pushed, 0, {}, by_second, call());
  EXPECT_EQ(by_second.content, text);
  Collector by_first;
  driver().get_blob(repository, pushed, 0, {}, by_first, call());
  EXPECT_EQ(by_first.content, text);
}

TEST_F(Registry, UnknownManifestIsNotFound) {
  Manifest found;
  try {
    driver().get_manifest(repository, "none", {}, found, call());
    FAIL() << "found " << found.content;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_THAT(error.what(), HasSubstr("not found: manifest unknown: manifest unknown"));
  }
}

TEST_F(Registry, UnknownBlobIsNotFound) {
  Collector sink;
  EXPECT_ERRC(driver().get_blob(repository, descriptor("never pushed"), 0, {}, sink, call()), Errc::not_found);
  EXPECT_EQ(sink.content, "");
}

TEST_F(Registry, RefusesAHugeManifest) {
  if (!can("push")) GTEST_SKIP() << "cannot push";
  Manifest manifest;
  manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
  manifest.content = "{" + std::string(std::size_t{5} << 20, ' ') + "}";
  manifest.digest = sha256_digest(manifest.content);
  driver().put_manifest(repository, "huge", manifest, {}, call());
  Manifest found;
  EXPECT_ERRC(driver().get_manifest(repository, "huge", {}, found, call()), Errc::invalid);
}

TEST_F(Registry, LetsTheSinksErrorThrough) {
  if (!can("push")) GTEST_SKIP() << "cannot push";
  const Descriptor pushed = push(big_blob());
  Collector sink;
  sink.limit = 100'000;
  sink.at_limit = [] { throw Error{Errc::exhausted, "no space left on device"}; };
  EXPECT_ERRC(driver().get_blob(repository, pushed, 0, {}, sink, call()), Errc::exhausted);
}

TEST_F(Registry, StopsWhenCancelled) {
  if (!can("push")) GTEST_SKIP() << "cannot push";
  const Descriptor pushed = push(big_blob());
  Collector sink;
  sink.limit = 100'000;
  sink.at_limit = [this] { call().cancel(); };
  EXPECT_ERRC(driver().get_blob(repository, pushed, 0, {}, sink, call()), Errc::cancelled);
}

TEST_F(Registry, ListsTags) {
  if (!can("tags") || !can("push")) GTEST_SKIP() << "cannot list tags";
  for (const char* tag : {"one", "two"}) push_manifest(tag);
  std::vector<std::string> tags;
  driver().list_tags(repository, {}, tags, call());
  EXPECT_THAT(tags, ::testing::IsSupersetOf({"one", "two"}));
}

TEST_F(Registry, RefusesWhatIsNoDigest) {
  for (const char* digest : {"sha256:../../../../etc/passwd", "sha256:", "../blob", "sha256:00"}) {
    const Descriptor blob{"application/octet-stream", digest, 1, {}};
    Collector sink;
    EXPECT_ANY_THROW(driver().get_blob(repository, blob, 0, {}, sink, call())) << digest;
    EXPECT_EQ(sink.content, "") << digest;
  }
}

}  // namespace gantry::conformance
