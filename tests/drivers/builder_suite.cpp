#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gantry/builder.hpp"
#include "subject.hpp"
#include "tar_maker.hpp"

namespace gantry::conformance {

namespace fs = std::filesystem;
using builder::v1::Request;

/// A daemon without images: whatever a build asks for is not there. It counts what is left to be removed.
class EmptySession final : public builder::v1::Session {
 public:
  void output(std::string_view) override {}
  void image(const std::string& reference, const std::string&, bool, builder::v1::Image&) override {
    throw Error{Errc::not_found, "No such image: " + reference};
  }
  bool cached(const builder::v1::Step&, builder::v1::Image&) override { return false; }
  void commit(const builder::v1::Step&, builder::v1::Image&) override { throw Error{Errc::io, "no space left"}; }
  std::string make_tree(const std::string&) override { throw Error{Errc::io, "no space left"}; }
  UniqueFd open_tree(const std::string& tree) override { throw Error{Errc::not_found, "no such tree: " + tree}; }
  void remove_tree(const std::string&) override {}
  std::string create_container(const builder::v1::ContainerSpec&) override { throw Error{Errc::io, "no space left"}; }
  int run(const std::string& container) override { throw Error{Errc::not_found, "No such container: " + container}; }
  void remove_container(const std::string&) override {}
};

class Builder : public Suite<builder::v1::Driver> {
 protected:
  void build(const std::string& archive) {
    StringSource source{archive};
    std::string image;
    const Request request;
    driver().build(request, source, session_, image, call());
  }
  /// How many files the driver holds.
  [[nodiscard]] std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator{subject().data_dir()})
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  EmptySession session_;
};

TEST_F(Builder, RefusesAContextThatIsNoArchive) {
  EXPECT_ERRC(build("neither an archive nor a recipe"), Errc::invalid);
}

TEST_F(Builder, RefusesAContextWithoutARecipe) { EXPECT_ERRC(build(TarMaker{}.file("a", "x").take()), Errc::invalid); }

TEST_F(Builder, LeavesNothingOfABuildThatFailed) {
  const std::size_t before = files();
  EXPECT_ERRC(build(TarMaker{}.file("a", std::string(100'000, 'x')).take()), Errc::invalid);
  EXPECT_EQ(files(), before);
}

TEST_F(Builder, WritesNothingOutsideOfItsDirectories) {
  const fs::path outside = scratch() / "outside";
  fs::create_directory(outside);
  TarMaker tar;
  tar.link("out", outside.string()).file("out/through", "x").link("up", "../../../../../../../../..");
  tar.file("up" + (outside / "up").string(), "x").file("../" + outside.filename().string() + "/dots", "x");
  EXPECT_ERRC(build(tar.take()), Errc::invalid);
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(Builder, StopsWhenCancelled) {
  call().cancel();
  EXPECT_ERRC(build(TarMaker{}.file("a", "x").take()), Errc::cancelled);
}

TEST_F(Builder, PrunesWhatItKeepsAlsoAfterTheDaemonsRestart) {
  reopen();
  builder::v1::Usage kept;
  builder::v1::Usage freed;
  driver().usage(kept, call());
  driver().prune(freed, call());
  EXPECT_EQ(freed.size, kept.size);
  driver().prune(freed, call());
  EXPECT_EQ(freed.size, 0U);
}

}  // namespace gantry::conformance
