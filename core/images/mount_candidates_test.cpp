#include "images/mount_candidates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>

#include "base/digest.hpp"

namespace gantry::images {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MountCandidates : public ::testing::Test {
 protected:
  ~MountCandidates() override { std::filesystem::remove_all(root_); }

  /// An image with `layer`, whose digests are `names`'.
  void keep(const std::string& id, const std::string& layer, const std::vector<std::string>& names) {
    ImageRecord record;
    record.image.id = sha256_digest(id);
    for (const std::string& name : names) record.image.digests.push_back(name + "@" + sha256_digest(id));
    record.layers.push_back({{"t", sha256_digest(layer), 1, {}}, 1});
    catalog_.put(std::move(record));
  }
  std::vector<std::string> candidates(const std::string& target, const std::string& layer) {
    return mount_candidates(catalog_, parse_reference(target), sha256_digest(layer));
  }

  static std::filesystem::path make_root() {
    std::string path = std::filesystem::temp_directory_path() / "candidates-XXXXXX";
    return ::mkdtemp(path.data());
  }

  const std::filesystem::path root_ = make_root();
  state::Store store_{root_ / "state.db"};
  Catalog catalog_{store_};
};

TEST_F(MountCandidates, AreOfTheSameRegistryAndHaveTheBlob) {
  keep("one", "base", {"reg:5000/a/box", "quay.io/b/box"});
  keep("two", "other", {"reg:5000/c/box"});
  EXPECT_THAT(candidates("reg:5000/x:1", "base"), ElementsAre("a/box"));
  EXPECT_THAT(candidates("quay.io/x:1", "base"), ElementsAre("b/box"));
  EXPECT_THAT(candidates("docker.io/library/x:1", "base"), IsEmpty());
  // There it is already looked for.
  EXPECT_THAT(candidates("reg:5000/a/box:2", "base"), IsEmpty());
}

TEST_F(MountCandidates, AreAFewAndTheNearestFirst) {
  keep("one", "base", {"reg:5000/a/one", "reg:5000/b/two", "reg:5000/team/app/three", "reg:5000/teams/app/four"});
  keep("two", "base", {"reg:5000/team/five", "reg:5000/a/one"});
  const auto found = candidates("reg:5000/team/app/new:1", "base");
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], "team/app/three");
  EXPECT_EQ(found[1], "team/five");
}

}  // namespace
}  // namespace gantry::images
