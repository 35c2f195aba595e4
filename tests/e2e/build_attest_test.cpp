// What a build says about its image beside it: where it comes from, and what is installed in it.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "engine.hpp"
#include "registry.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kProvenance = "https://slsa.dev/provenance/v0.2";
constexpr const char* kSpdx = "https://spdx.dev/Document";
constexpr const char* kAttestedRecipe = "FROM busybox\nARG TOKEN\nRUN echo $TOKEN | wc -c >/made\n";

class BuildAttest : public Engine {
 protected:
  void TearDown() override {
    cli("rmi -f $(" + program("gantry").string() + " images -q --filter reference=localhost:*/*)");
    cli("rmi -f app other");
    cli("image prune -f");
    cli("builder prune -f");
    Engine::TearDown();
  }
  static json statements(const std::string& image, Daemon& of = *daemon) {
    return of.api("GET", "/images/" + image + "/attestations?statement=1");
  }
  static std::set<std::string> blobs() {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator{daemon->data_root() / "blobs/sha256"})
      out.insert(entry.path().filename());
    return out;
  }
  static json fetched(const std::string& path) {
    return json::parse(
        shell("curl -s -H 'Accept: " + std::string{kIndexType} +
              "' -H 'Accept: application/vnd.oci.image.manifest.v1+json' http://localhost:5000/v2/" + path)
            .out,
        nullptr, false);
  }
};

TEST_F(BuildAttest, SaysNothingUnlessItIsAsked) {
  ASSERT_EQ(cli("build -q -t app -", kAttestedRecipe).code, 0);
  EXPECT_THAT(statements("app"), IsEmpty());
  EXPECT_THAT(daemon->api("GET", "/images/nothing/attestations")["message"], "No such image: nothing:latest");
  ASSERT_EQ(cli("build -q --provenance=false --sbom=false -t app -", kAttestedRecipe).code, 0);
  EXPECT_THAT(statements("app"), IsEmpty());
}

TEST_F(BuildAttest, TellsWhereAnImageComesFrom) {
  const Result built = cli("build -q --provenance --build-arg TOKEN=hidden -t app -", kAttestedRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  const json said = statements("app");
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_EQ(said[0]["PredicateType"], kProvenance);
  EXPECT_EQ(said[0]["Descriptor"]["mediaType"], "application/vnd.in-toto+json");
  const json& statement = said[0]["Statement"];
  EXPECT_THAT(statement.dump(), Not(HasSubstr("hidden")));
  EXPECT_EQ(statement["subject"][0]["name"], "pkg:docker/app@latest?platform=linux%2Famd64");
  EXPECT_EQ(statement["predicate"]["materials"][0]["uri"], "pkg:docker/busybox@latest?platform=linux%2Famd64");
  ASSERT_EQ(cli("build -q --attest type=provenance,mode=max --build-arg TOKEN=hidden -t app -", kAttestedRecipe).code,
            0);
  const json more = statements("app");
  ASSERT_THAT(more, SizeIs(1)) << "in the place of what was said before";
  EXPECT_EQ(more[0]["Statement"]["predicate"]["invocation"]["parameters"]["args"]["build-arg:TOKEN"], "hidden");
}

TEST_F(BuildAttest, ListsThePackagesOfAnImage) {
  const std::string recipe =
      "FROM busybox\nRUN mkdir -p /var/lib/dpkg /lib/apk/db /etc\nRUN printf 'Package: libc6\\nStatus: install ok "
      "installed\\nVersion: 2.36\\nArchitecture: amd64\\n' >/var/lib/dpkg/status; printf "
      "'ID=debian\\nVERSION_ID=12\\n' "
      ">/etc/os-release; ln -s /proc/self/environ /lib/apk/db/installed\n";
  const Result built = cli("build -q --sbom=true -t app -", recipe);
  ASSERT_EQ(built.code, 0) << built.err;
  const json said = statements("app");
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_EQ(said[0]["PredicateType"], kSpdx);
  const json& document = said[0]["Statement"]["predicate"];
  EXPECT_EQ(document["spdxVersion"], "SPDX-2.3");
  ASSERT_THAT(document["packages"], SizeIs(2)) << document.dump(1);
  EXPECT_EQ(document["packages"][1]["externalRefs"][0]["referenceLocator"],
            "pkg:deb/debian/libc6@2.36?arch=amd64&distro=debian-12");
}

TEST_F(BuildAttest, TellsTheStepsIfItIsToTellAll) {
  const std::string recipe =
      "FROM busybox AS first\nRUN --mount=type=tmpfs,target=/t echo one >/one\nFROM busybox AS unneeded\nRUN false\n"
      "FROM busybox\nENV KEPT=yes\nCOPY --from=first /one /two\nCOPY <<X /made/\nhi\nX\nRUN \\\n  cat /two\nCMD "
      "[\"sh\"]\n";
  ASSERT_EQ(cli("build -q --provenance=mode=max -t app -", recipe).code, 0);
  const auto told = [] { return statements("app")[0]["Statement"]["predicate"]; };
  const json first = told();
  const json& steps = first["buildConfig"]["llbDefinition"];
  ASSERT_THAT(steps, SizeIs(6)) << steps.dump(1);
  EXPECT_THAT(steps[0]["op"]["Op"]["source"]["identifier"].get<std::string>(),
              HasSubstr("docker-image://docker.io/library/busybox:latest"));
  std::set<std::string> kinds;
  for (const json& step : steps) {
    if (step["op"]["Op"].is_object()) kinds.insert(step["op"]["Op"].begin().key());
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"exec", "file", "source"}));
  const json& last = steps[4]["op"]["Op"]["exec"];
  EXPECT_EQ(last["meta"]["args"].back(), "cat /two") << last.dump(1);
  EXPECT_THAT(last["meta"]["env"].dump(), HasSubstr("KEPT=yes"));
  EXPECT_TRUE(steps[5]["op"]["Op"].is_null());
  EXPECT_EQ(steps[5]["inputs"], json::array({"step4:0"}));
  const json& about = first["metadata"]["https://mobyproject.org/buildkit@v1#metadata"];
  const json& lines = about["source"]["locations"]["step4"]["locations"][0]["ranges"][0];
  EXPECT_EQ(lines["start"]["line"], 11);
  EXPECT_EQ(lines["end"]["line"], 12);
  EXPECT_THAT(about["layers"]["step4:0"][0], SizeIs(3)) << about["layers"].dump(1);
  // Out of the cache it is told the same.
  ASSERT_EQ(cli("build -q --provenance=mode=max -t app -", recipe).code, 0);
  EXPECT_EQ(told()["buildConfig"], first["buildConfig"]);
  ASSERT_EQ(cli("build -q --provenance=mode=min -t app -", recipe).code, 0);
  EXPECT_FALSE(told().contains("buildConfig"));
}

TEST_F(BuildAttest, LeavesRoomForNotesOnTheManifest) {
  Registry registry{{}};
  const std::string note = "build -q --push -t localhost:5000/app:1 --annotation a=b --annotation manifest:c=d ";
  const Result built =
      cli(note + "--annotation 'manifest[linux/s390x]:e=f' --annotation manifest-descriptor:g=h -", kAttestedRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  const json manifest = fetched("app/manifests/1");
  EXPECT_EQ(manifest["annotations"], json({{"a", "b"}, {"c", "d"}})) << manifest.dump();
  const json layout = json::parse(cli("save localhost:5000/app:1 | tar -xO index.json").out);
  EXPECT_EQ(layout["manifests"][0]["annotations"]["g"], "h");
  EXPECT_EQ(layout["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "1");
  const Result index = cli("build -q --annotation index:a=b -", kAttestedRecipe);
  EXPECT_THAT(index.err, HasSubstr("index annotations not supported for single platform export"));
  // Not noted again, it is gone.
  ASSERT_EQ(cli("build -q --push -t localhost:5000/app:1 -", kAttestedRecipe).code, 0);
  EXPECT_FALSE(fetched("app/manifests/1").contains("annotations"));
}

TEST_F(BuildAttest, LeavesRoomForNotesOnTheIndex) {
  const Result built =
      cli("build -q --provenance -t app --annotation index,manifest:a=b --annotation manifest-descriptor:c=d "
          "--annotation index-descriptor:e=f -o type=oci,name=app,annotation-index.g=h,dest=" +
              (daemon->root() / "app.tar").string() + " -",
          kAttestedRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  const auto read = [](const std::string& path) {
    return json::parse(shell("tar -xOf " + (daemon->root() / "app.tar").string() + " " + path).out, nullptr, false);
  };
  const auto blob = [&](const json& descriptor) {
    return read("blobs/sha256/" + descriptor["digest"].get<std::string>().substr(7));
  };
  const json entry = read("index.json")["manifests"][0];
  EXPECT_EQ(entry["annotations"]["e"], "f") << entry.dump();
  const json index = blob(entry);
  EXPECT_EQ(index["annotations"], json({{"a", "b"}, {"g", "h"}}));
  EXPECT_EQ(index["manifests"][0]["annotations"], json({{"c", "d"}}));
  EXPECT_EQ(blob(index["manifests"][0])["annotations"], json({{"a", "b"}}));
}

TEST_F(BuildAttest, GoesToARegistryAsBuildkitsDoAndComesBack) {
  Registry registry{{}};
  const Result built = cli("build --push --provenance --sbom --metadata-file " + (daemon->root() / "m.json").string() +
                               " -t localhost:5000/app:1 -",
                           kAttestedRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  const json index = fetched("app/manifests/1");
  EXPECT_EQ(index["mediaType"], kIndexType);
  ASSERT_THAT(index["manifests"], SizeIs(2)) << index.dump();
  const json& image = index["manifests"][0];
  const json& about = index["manifests"][1];
  EXPECT_EQ(image["platform"], json({{"architecture", "amd64"}, {"os", "linux"}}));
  EXPECT_EQ(about["platform"], json({{"architecture", "unknown"}, {"os", "unknown"}}));
  EXPECT_EQ(about["annotations"]["vnd.docker.reference.type"], "attestation-manifest");
  EXPECT_EQ(about["annotations"]["vnd.docker.reference.digest"], image["digest"]);
  const json manifest = fetched("app/manifests/" + about["digest"].get<std::string>());
  ASSERT_THAT(manifest["layers"], SizeIs(2));
  EXPECT_EQ(manifest["layers"][0]["annotations"]["in-toto.io/predicate-type"], kSpdx);
  EXPECT_EQ(manifest["layers"][1]["annotations"]["in-toto.io/predicate-type"], kProvenance);
  const json statement = fetched("app/blobs/" + manifest["layers"][1]["digest"].get<std::string>());
  EXPECT_EQ(image["digest"], "sha256:" + statement["subject"][0]["digest"]["sha256"].get<std::string>());
  const std::string digest = cli("inspect -f '{{index .RepoDigests 0}}' localhost:5000/app:1").line();
  EXPECT_EQ(json::parse(std::ifstream{daemon->root() / "m.json"})["containerimage.digest"],
            digest.substr(digest.find('@') + 1));
  // Whoever wants the image alone gets it alone.
  EXPECT_EQ(shell("skopeo copy -q --src-tls-verify=false docker://localhost:5000/app:1 oci:" +
                  (daemon->root() / "alone").string())
                .code,
            0);
  const json said = statements("localhost:5000/app:1");
  cli("rmi -f localhost:5000/app:1");
  cli("builder prune -f");
  ASSERT_EQ(cli("pull localhost:5000/app:1").code, 0);
  EXPECT_EQ(statements("localhost:5000/app:1"), said);
  cli("tag localhost:5000/app:1 localhost:5000/copy:1");
  EXPECT_THAT(cli("push localhost:5000/copy:1").out, HasSubstr(digest.substr(digest.find('@') + 1)));
  EXPECT_EQ(fetched("copy/manifests/1"), index);
  EXPECT_EQ(cli("run --rm localhost:5000/app:1 cat /made").line(), "1");
}

TEST_F(BuildAttest, IsSavedAndLoaded) {
  ASSERT_EQ(cli("build -q --provenance -t app -", kAttestedRecipe).code, 0);
  const json said = statements("app");
  const std::string file = (daemon->root() / "attested.tar").string();
  ASSERT_EQ(cli("save -o " + file + " app").code, 0);
  const json index = json::parse(shell("tar -xOf " + file + " index.json").out);
  EXPECT_EQ(index["manifests"][0]["mediaType"], kIndexType);
  Daemon other;
  ASSERT_TRUE(other.start()) << other.log();
  load_busybox(other);
  EXPECT_EQ(other.cli("load -i " + file).line(), "Loaded image: app:latest");
  EXPECT_EQ(statements("app", other), said);
  // As a layout alone, too.
  other.cli("rmi -f app");
  const std::string layout = (daemon->root() / "layout.tar").string();
  ASSERT_EQ(shell("cd " + daemon->root().string() + " && mkdir laid-out && tar -xf " + file +
                  " -C laid-out && tar -cf " + layout + " -C laid-out blobs index.json oci-layout")
                .code,
            0);
  EXPECT_EQ(other.cli("load -i " + layout).code, 0);
  EXPECT_EQ(statements("app", other), said);
  EXPECT_EQ(other.cli("run --rm app cat /made").line(), "1");
}

TEST_F(BuildAttest, GoesIntoALayoutAndBesideFiles) {
  const std::string file = (daemon->root() / "out.tar").string();
  const std::string directory = (daemon->root() / "out").string();
  const Result built =
      cli("build -q --provenance --sbom -o type=oci,dest=" + file + " -o " + directory + " -", kAttestedRecipe);
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(json::parse(shell("tar -xOf " + file + " index.json").out)["manifests"][0]["mediaType"], kIndexType);
  EXPECT_EQ(json::parse(std::ifstream{directory + "/provenance.json"})["predicateType"], kProvenance);
  EXPECT_EQ(json::parse(std::ifstream{directory + "/sbom.spdx.json"})["predicateType"], kSpdx);
  const json beside = json::parse(std::ifstream{directory + "/provenance.json"})["subject"];
  EXPECT_THAT(beside.dump(), HasSubstr(R"("name":"made")")) << "it is about each of the files";
  const std::string archive = (daemon->root() / "files.tar").string();
  ASSERT_EQ(cli("build -q --provenance -o type=tar,attestation-prefix=x-,dest=" + archive + " -", kAttestedRecipe).code,
            0);
  EXPECT_EQ(json::parse(shell("tar -xOf " + archive + " x-provenance.json").out)["subject"], beside);
  EXPECT_THAT(shell("tar -tf " + archive).lines(), ::testing::Contains("made"));
  ASSERT_EQ(cli("build -q -o " + directory + "2 -", kAttestedRecipe).code, 0);
  EXPECT_FALSE(fs::exists(directory + "2/provenance.json"));
}

TEST_F(BuildAttest, IsPushedToALayout) {
  ASSERT_EQ(cli("build -q --provenance -t app -", kAttestedRecipe).code, 0);
  const json said = statements("app");
  const std::string place = "oci:" + (daemon->root() / "stick").string();
  const Result pushed = cli("push app " + place + ":v1");
  ASSERT_EQ(pushed.code, 0) << pushed.err;
  cli("rmi -f app");
  cli("builder prune -f");
  const Result pulled = cli("pull " + place + ":v1");
  ASSERT_EQ(pulled.code, 0) << pulled.err;
  EXPECT_EQ(statements("stick:v1"), said);
  cli("rmi -f stick:v1");
}

TEST_F(BuildAttest, IsNoImageAndGoesWithIts) {
  cli("image prune -f");
  const auto before = blobs();
  const auto count = cli("images -aq").out;
  ASSERT_EQ(cli("build -q --provenance --sbom -t app -", "FROM busybox\nLABEL only=this\n").code, 0);
  EXPECT_EQ(cli("images -q app").out.size(), cli("images -q busybox").out.size());
  cli("image prune -f");
  EXPECT_THAT(statements("app"), SizeIs(2)) << "what is said stays as long as the image";
  cli("tag app other");
  cli("rmi app");
  EXPECT_THAT(statements("other"), SizeIs(2));
  cli("rmi other");
  cli("builder prune -f");
  EXPECT_EQ(cli("images -aq").out, count);
  EXPECT_EQ(blobs(), before);
}

TEST_F(BuildAttest, IsNotWhatALaterBuildHasNotSaid) {
  ASSERT_EQ(cli("build -q --provenance -t app -", kAttestedRecipe).code, 0);
  ASSERT_EQ(cli("build -q -t app -", kAttestedRecipe).code, 0);
  EXPECT_THAT(statements("app"), IsEmpty());
}

TEST_F(BuildAttest, OutlivesTheDaemon) {
  ASSERT_EQ(cli("build -q --provenance -t app -", kAttestedRecipe).code, 0);
  const json said = statements("app");
  daemon->kill(SIGKILL);
  daemon->wait();
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(statements("app"), said);
}

TEST_F(BuildAttest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(cli("build --attest type=other -", kAttestedRecipe).err, HasSubstr("unknown attestation type \"other\""));
  EXPECT_THAT(cli("build --provenance=mode=all -", kAttestedRecipe).err, HasSubstr("invalid mode \"all\""));
  EXPECT_THAT(cli("build --provenance=mode=max,level=3 -", kAttestedRecipe).err,
              HasSubstr("unknown attribute \"level\""));
  EXPECT_EQ(daemon->api("POST", "/build?provenance=all")["message"], "invalid mode \"all\"");
}

/// A registry may serve anything.
TEST_F(BuildAttest, IsNotTrusted) {
  Registry registry{{}};
  ASSERT_EQ(cli("build --push -q --provenance -t localhost:5000/app:1 -", kAttestedRecipe).code, 0);
  const std::string id = cli("inspect -f '{{.Id}}' localhost:5000/app:1").line();
  const json index = fetched("app/manifests/1");
  const json manifest = fetched("app/manifests/" + index["manifests"][1]["digest"].get<std::string>());
  const std::string hex = manifest["layers"][0]["digest"].get<std::string>().substr(7);
  const fs::path blob = registry.root() / "data/docker/registry/v2/blobs/sha256" / hex.substr(0, 2) / hex / "data";
  ASSERT_TRUE(fs::exists(blob));
  std::ofstream{blob, std::ios::in | std::ios::out} << "{\"_type\":\"forged\"";
  cli("rmi -f localhost:5000/app:1");
  cli("builder prune -f");
  const Result pulled = cli("pull localhost:5000/app:1");
  EXPECT_EQ(pulled.code, 0) << "the image is none the worse: " << pulled.err;
  EXPECT_THAT(pulled.out, HasSubstr("The attestation of localhost:5000/app:1 cannot be had"));
  EXPECT_EQ(cli("inspect -f '{{.Id}}' localhost:5000/app:1").line(), id);
  EXPECT_THAT(statements("localhost:5000/app:1"), IsEmpty());
}

}  // namespace
}  // namespace gantry::e2e
