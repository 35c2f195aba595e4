#include "commands/image_tree.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gantry::cli {
namespace {

Json manifest(const char* id, const char* architecture, const char* variant, bool used) {
  const Json containers = used ? Json{"c1"} : Json::array();
  return {{"ID", id},
          {"Kind", "image"},
          {"Available", true},
          {"Size", {{"Content", 2'000'000}, {"Total", 5'000'000}}},
          {"ImageData",
           {{"Platform", {{"os", "linux"}, {"architecture", architecture}, {"variant", variant}}},
            {"Containers", containers}}}};
}

TEST(ImageTree, HasTheManifestsBelowTheirImages) {
  const Json attestation{{"ID", "sha256:eeee"}, {"Kind", "attestation"}};
  const Json images{{{"Id", "sha256:0123456789abcdef"},
                     {"RepoTags", {"box:1", "registry.example.com/box:latest"}},
                     {"Size", 3'000'000},
                     {"Manifests",
                      {manifest("sha256:aaaaaaaaaaaaaaaa", "amd64", "", true),
                       manifest("sha256:bbbbbbbbbbbbbbbb", "arm", "v7", false), attestation}}},
                    {{"Id", "sha256:fedcba9876543210"},
                     {"RepoTags", Json::array()},
                     {"Size", 1000},
                     {"Manifests", {manifest("sha256:cccccccccccccccc", "386", "", false)}}}};
  EXPECT_EQ(image_tree(images),
            "IMAGE                             ID             DISK USAGE   CONTENT SIZE   USED\n"
            "box:1\n"
            "registry.example.com/box:latest   0123456789ab          3MB            4MB    ✔\n"
            "├─ linux/amd64                    aaaaaaaaaaaa          5MB            2MB    ✔\n"
            "└─ linux/arm/v7                   bbbbbbbbbbbb          5MB            2MB\n"
            "\n"
            "<untagged>                        fedcba987654          1kB            2MB\n"
            "└─ linux/386                      cccccccccccc          5MB            2MB\n");
}

TEST(ImageTree, OfNothingIsItsHead) {
  EXPECT_EQ(image_tree(Json::array()), "IMAGE   ID             DISK USAGE   CONTENT SIZE   USED\n");
}

}  // namespace
}  // namespace gantry::cli
