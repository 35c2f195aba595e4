#include "build/provenance.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace gantry::build {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

BuildRequest telling_request(Attest::Provenance mode) {
  BuildRequest request;
  request.attest.provenance = mode;
  request.wanted.arguments = {{"TOKEN", "hidden"}, {"UNSET", std::nullopt}};
  request.wanted.labels = {{"a", "b"}};
  request.wanted.target = "last";
  return request;
}

json predicate(const BuildRequest& request, const Sources& sources) {
  return json::parse(provenance_predicate(request, sources, {"id", 0, 1'000'000'000, "linux/amd64"}));
}

TEST(Provenance, TellsAtLeastWhatNobodyNeedsToHide) {
  Sources sources;
  sources.add({"https://user:secret@host/f?q=a@b", "sha256", "12"});
  sources.add({"https://user:secret@host/f?q=a@b", "sha256", "12"});
  sources.recipe = "FROM scratch";
  const json told = predicate(telling_request(Attest::Provenance::min), sources);
  EXPECT_THAT(told.dump(), Not(HasSubstr("hidden")));
  EXPECT_THAT(told.dump(), Not(HasSubstr("secret")));
  EXPECT_EQ(told["materials"], json::parse(R"([{"uri":"https://host/f?q=a@b","digest":{"sha256":"12"}}])"));
  EXPECT_EQ(told["invocation"]["parameters"]["args"], json::parse(R"({"target":"last"})"));
  EXPECT_EQ(told["metadata"]["completeness"]["parameters"], false);
  EXPECT_EQ(told["metadata"]["buildFinishedOn"], "1970-01-01T00:00:01Z");
  EXPECT_EQ(told["metadata"]["https://mobyproject.org/buildkit@v1#metadata"], json::object());
}

TEST(Provenance, TellsAllIfItIsToTellAll) {
  Sources sources;
  sources.recipe_name = "Dockerfile";
  sources.recipe = "FROM scratch\n";
  const json told = predicate(telling_request(Attest::Provenance::max), sources);
  EXPECT_EQ(told["invocation"]["parameters"]["args"],
            json::parse(R"({"build-arg:TOKEN":"hidden","label:a":"b","target":"last"})"));
  EXPECT_EQ(told["metadata"]["completeness"]["parameters"], true);
  EXPECT_EQ(told["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["source"]["infos"][0]["data"],
            "RlJPTSBzY3JhdGNoCg==");
}

TEST(Provenance, TellsNobodyOfProxies) {
  for (const auto mode : {Attest::Provenance::min, Attest::Provenance::max}) {
    BuildRequest request;
    request.attest.provenance = mode;
    request.wanted.arguments = {{"HTTP_PROXY", "http://user:secret@proxy"}, {"no_proxy", "secret"}};
    const json told = predicate(request, {});
    EXPECT_THAT(told.dump(), Not(HasSubstr("secret")));
    EXPECT_EQ(told["metadata"]["completeness"]["parameters"], true) << "nothing else was left out";
  }
}

TEST(Provenance, NamesTheContextsSource) {
  BuildRequest request;
  request.wanted.remote = "https://token@host/x.git#main";
  Sources sources;
  sources.add({"https://host/x.git#main", "sha1", "34"});
  const json told = predicate(request, sources);
  EXPECT_EQ(told["invocation"]["configSource"],
            json::parse(R"({"uri":"https://host/x.git#main","digest":{"sha1":"34"},"entryPoint":"Dockerfile"})"));
  EXPECT_FALSE(told["invocation"]["parameters"].contains("locals"));
}

TEST(Provenance, KnowsAnImageByItsDigestInTheRegistry) {
  images::Image image;
  image.id = "sha256:" + std::string(64, 'a');
  image.os = "linux";
  image.architecture = "amd64";
  EXPECT_EQ(image_material("busybox", image).uri, "pkg:docker/busybox@latest?platform=linux%2Famd64");
  EXPECT_EQ(image_material("busybox", image).digest, std::string(64, 'a'));
  image.digests = {"localhost:5000/a@sha256:" + std::string(64, 'b'),
                   "docker.io/library/busybox@sha256:" + std::string(64, 'c')};
  EXPECT_EQ(image_material("busybox", image).digest, std::string(64, 'c'));
  EXPECT_EQ(image_material("localhost:5000/a:1", image).uri, "pkg:docker/localhost%3A5000/a@1?platform=linux%2Famd64");
}

}  // namespace
}  // namespace gantry::build
