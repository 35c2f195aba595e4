#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "build.hpp"
#include "drivers/silent_call.hpp"
#include "drivers/tar_maker.hpp"
#include "repeated_text.hpp"

// What a stranger's recipe may cost a build, beside its commands. Most of these took minutes, or gigabytes.
namespace gantry::dockerfile {
namespace {

namespace fs = std::filesystem;
using conformance::SilentCall;
using conformance::StringSource;
using conformance::TarMaker;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A daemon that has made every step before.
class KnowingSession final : public builder::v1::Session {
 public:
  void output(std::string_view) override {}
  void image(const std::string& reference, const std::string&, bool, builder::v1::Image& out) override {
    out.id = reference;
  }
  bool cached(const builder::v1::Step& step, builder::v1::Image& out) override {
    out.id = "sha256:" + std::to_string(++steps);
    last = step;
    return true;
  }
  void commit(const builder::v1::Step&, builder::v1::Image&) override { throw Error{Errc::io, "nothing is new"}; }
  std::string make_tree(const std::string&) override { throw Error{Errc::io, "nothing is new"}; }
  UniqueFd open_tree(const std::string&) override { throw Error{Errc::io, "nothing is new"}; }
  void remove_tree(const std::string&) override {}
  std::string create_container(const builder::v1::ContainerSpec&) override { throw Error{Errc::io, "nothing is new"}; }
  int run(const std::string&) override { throw Error{Errc::io, "nothing is new"}; }
  void remove_container(const std::string&) override {}

  int steps{};
  builder::v1::Step last;
};

class BuildBounds : public ::testing::Test {
 protected:
  BuildBounds() {
    std::string pattern = (fs::temp_directory_path() / "gantry-bounds-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    fs::create_directory(root_ / "work");
    fs::create_directory(root_ / "caches");
  }
  ~BuildBounds() override { fs::remove_all(root_); }
  BuildBounds(const BuildBounds&) = delete;
  BuildBounds& operator=(const BuildBounds&) = delete;

  void build(const std::string& recipe) {
    const builder::v1::Request request;
    const SilentCall call;
    SshAccess ssh{session_, root_.string()};
    const Fetcher fetcher{"", 0, ssh};
    SumMemory memory;
    CacheMounts caches{(root_ / "caches").string()};
    const std::string archive = TarMaker{}.file("Dockerfile", recipe).take();
    StringSource source{archive};
    Context context{(root_ / "work").string(), request, source, fetcher, memory, false, call};
    Build{request, context, {caches, fetcher, root_.string()}, session_, call}.run();
  }

  /// Why it fails.
  std::string failure(const std::string& recipe) {
    try {
      build(recipe);
    } catch (const Error& error) {
      return error.what();
    }
    return "it does not";
  }

  KnowingSession session_;

 private:
  fs::path root_;
};

/// Half a mebibyte under the name of "a".
std::string long_variable() { return "FROM scratch\nENV a=0123456789abcdef\n" + repeated("ENV a=$a$a\n", 15); }

TEST_F(BuildBounds, AWordCostsTheSameHoweverManyVariablesThereAre) {
  constexpr int kMany = 20'000;
  build("FROM scratch\n" + numbered("ARG a", "=1\n", kMany) + "ENV" + numbered(" e", "=1", kMany) + "\nLABEL" +
        numbered(" l", "=$e19999$a19999", kMany) + "\n");
  EXPECT_EQ(session_.last.config.env.size(), kMany + 1);  // and PATH
  EXPECT_EQ(session_.last.config.labels.at("l19999"), "11");
}

TEST_F(BuildBounds, TheWordsOfAnInstructionComeToAnEnd) {
  EXPECT_THAT(failure(long_variable() + "LABEL" + numbered(" l", "=$a", 17) + "\n"),
              AllOf(HasSubstr("too much on line 18: the words of the instruction"), HasSubstr("COPY long texts")));
}

TEST_F(BuildBounds, VariablesOfAllStagesTogetherComeToAnEnd) {
  const std::string labels = repeated("LABEL b=$a\n", 20);
  build(long_variable() + labels);
  const std::string chain = repeated("FROM s AS s\n" + labels, 50);
  EXPECT_THAT(failure("FROM scratch AS s\nENV a=0123456789abcdef\n" + repeated("ENV a=$a$a\n", 15) + chain),
              AllOf(HasSubstr("the Dockerfile asks for too much on line "), HasSubstr("fewer and shorter variables")));
}

TEST_F(BuildBounds, PatternsCount) {
  EXPECT_THAT(failure("FROM scratch\nENV a=" + std::string(200, 'x') + "\n" + repeated("ENV b=${a//*y/z}\n", 200)),
              HasSubstr("too much on line "));
}

TEST_F(BuildBounds, APortOfARangeCostsTheSameHoweverManyThereAre) {
  build("FROM scratch\nEXPOSE 1-65535/tcp 1-65535/udp 1-65535/sctp\n");
  EXPECT_EQ(session_.last.config.exposed_ports.size(), 3 * 65'535);
}

TEST_F(BuildBounds, PortsCount) {
  EXPECT_THAT(failure("FROM scratch\n" + repeated("EXPOSE 1-65535\n", 100)),
              AllOf(HasSubstr("too much on line "), HasSubstr("ports")));
}

TEST_F(BuildBounds, HereDocumentsCount) {
  EXPECT_THAT(failure(long_variable() + repeated("COPY <<E /f\n$a\nE\n", 1000)), HasSubstr("too much on line "));
}

TEST_F(BuildBounds, WhatIsInheritedCounts) {
  const std::string first = "FROM scratch AS s\nENV" + numbered(" v", "=0123456789", 5000) + "\n";
  build(first + repeated("FROM s AS s\n", 50));
  EXPECT_THAT(failure(first + repeated("FROM s AS s\n", 1000)),
              AllOf(HasSubstr("too much on line "), HasSubstr("use fewer stages")));
}

TEST_F(BuildBounds, ArgumentsBeforeTheFirstStageCount) {
  EXPECT_THAT(failure("ARG a=0123456789abcdef\n" + repeated("ARG a=$a$a\n", 15) + numbered("ARG b", "=$a\n", 200) +
                      "FROM scratch\n"),
              HasSubstr("too much on line "));
}

TEST_F(BuildBounds, StagesShareTheArgumentsBeforeTheFirstOne) {
  build(numbered("ARG g", "=" + std::string(100, 'x') + "\n", 20'000) + "FROM scratch AS s\nENV a=1\n" +
        repeated("FROM s AS s\n", 3000));
  EXPECT_EQ(session_.steps, 1);
}

}  // namespace
}  // namespace gantry::dockerfile
