#include "api/frame_filter.hpp"

#include <gmock/gmock.h>

namespace gantry::api {
namespace {

std::string frame(char stream, const std::string& text) {
  return std::string{stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())} + text;
}

TEST(FrameFilter, PassesTheWantedStreamHoweverItIsCut) {
  const std::string all = frame(1, "out") + frame(2, "err") + frame(1, "") + frame(2, "more");
  const std::string wanted = frame(2, "err") + frame(2, "more");
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    FrameFilter filter{false, true};
    std::string out;
    for (std::size_t at = 0; at < all.size(); at += piece) filter.filter(all.substr(at, piece), out);
    EXPECT_EQ(out, wanted) << "in pieces of " << piece;
  }
}

TEST(FrameFilter, PassesNothingToWhoWantsNothing) {
  FrameFilter filter{false, false};
  std::string out;
  filter.filter(frame(1, "out") + frame(2, "err"), out);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace gantry::api
