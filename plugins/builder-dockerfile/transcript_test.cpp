#include "transcript.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

/// Keeps what it is told.
class Listener final : public builder::v1::Session {
 public:
  void output(std::string_view text) override { heard += text; }
  void image(const std::string&, const std::string&, bool, builder::v1::Image&) override {}
  bool cached(const builder::v1::Step&, builder::v1::Image&) override { return false; }
  void commit(const builder::v1::Step&, builder::v1::Image&) override {}
  std::string make_tree(const std::string&) override { return {}; }
  UniqueFd open_tree(const std::string&) override { return {}; }
  void remove_tree(const std::string&) override {}
  std::string create_container(const builder::v1::ContainerSpec&) override { return {}; }
  int run(const std::string&) override { return 0; }
  void remove_container(const std::string&) override {}

  std::string heard;
};

TEST(Transcript, TellsOneStageAfterTheOther) {
  Listener listener;
  Transcript transcript{listener, {0, 1}};
  transcript.say(1, "b");
  transcript.say(0, "a");
  transcript.finish(1);
  transcript.finish(0);
  EXPECT_EQ(listener.heard, "ab");
}

TEST(Transcript, KeepsOnlySoMuchOfAStageThatWaits) {
  Listener listener;
  Transcript transcript{listener, {0, 1, 2}};
  const std::string line(1000, 'x');
  for (std::size_t said = 0; said < 2 * Transcript::kMostKept; said += line.size()) transcript.say(1, line);
  transcript.say(2, std::string(2000, 'y'));
  transcript.finish(0);
  EXPECT_LT(listener.heard.size(), Transcript::kMostKept + 1000);
  EXPECT_THAT(listener.heard, EndsWith(" left out]\n"));
  // Its turn has come: there is room again.
  listener.heard.clear();
  transcript.say(1, "end of 1\n");
  transcript.say(2, "end of 2\n");
  transcript.finish(1);
  EXPECT_THAT(listener.heard, StartsWith("end of 1\n"));
  EXPECT_THAT(listener.heard, EndsWith(" left out]\nend of 2\n"));
}

}  // namespace
}  // namespace gantry::dockerfile
