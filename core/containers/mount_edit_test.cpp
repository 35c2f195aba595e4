#include "containers/mount_edit.hpp"

#include <gmock/gmock.h>

#include "gantry/error.hpp"

namespace gantry::containers {
namespace {

using ::testing::ElementsAre;

wire::MountRequest tmpfs(const std::string& target) {
  wire::MountRequest request;
  request.type = "tmpfs";
  request.target = target;
  return request;
}

Container with_places(const std::vector<std::string>& destinations) {
  Container container;
  container.name = "web";
  for (const std::string& destination : destinations) {
    MountPoint place;
    place.type = "tmpfs";
    place.destination = destination;
    container.mounts.push_back(place);
  }
  return container;
}

std::vector<std::string> early(const MountPlan& plan, bool late = false) {
  std::vector<std::string> out;
  for (const NewMount& made : plan.made) {
    if (made.late == late) out.push_back(made.place.destination);
  }
  return out;
}
std::vector<std::string> late(const MountPlan& plan) { return early(plan, true); }

TEST(MountEdit, TakesInnerPlacesAwayFirstAndMakesOuterOnesFirst) {
  const auto plan =
      plan_mounts(with_places({"/data", "/data/sub"}), {tmpfs("/a/b"), tmpfs("/a")}, {"/data", "/data/sub/"}, true);
  ASSERT_EQ(plan.gone.size(), 2U);
  EXPECT_EQ(plan.gone[0].destination, "/data/sub");
  EXPECT_THAT(early(plan), ElementsAre("/a", "/a/b"));
}

TEST(MountEdit, MakesFirstWhatNeedsNothingTakenAway) {
  const auto container = with_places({"/a/b", "/data", "/x"});
  const auto plan =
      plan_mounts(container, {tmpfs("/x"), tmpfs("/a/c"), tmpfs("/a"), tmpfs("/data/sub"), tmpfs("/database")},
                  {"/a/b", "/data", "/x"}, true);
  EXPECT_THAT(early(plan), ElementsAre("/database"));
  EXPECT_THAT(late(plan), ElementsAre("/x", "/a", "/a/c", "/data/sub"));
  Container record = container;
  apply(record, plan);
  EXPECT_EQ(record.mounts.size(), 5U);
  EXPECT_EQ(record.host_config.mounts.size(), 5U);
}

TEST(MountEdit, RefusesWhatCannotBe) {
  const auto container = with_places({"/x"});
  const auto code = [&](const std::vector<wire::MountRequest>& add, const std::vector<std::string>& remove, bool runs) {
    try {
      static_cast<void>(plan_mounts(container, add, remove, runs));
    } catch (const Error& error) {
      return error.code();
    }
    return Errc::internal;
  };
  EXPECT_EQ(code({tmpfs("/x")}, {}, false), Errc::conflict);
  EXPECT_EQ(code({tmpfs("/y"), tmpfs("/y/")}, {}, false), Errc::conflict);
  EXPECT_EQ(code({}, {"/y"}, false), Errc::not_found);
  auto image = tmpfs("/y");
  image.type = "image";
  image.source = "busybox";
  EXPECT_EQ(code({image}, {}, true), Errc::unsupported);
  EXPECT_EQ(code({image}, {}, false), Errc::internal) << "refused";
  wire::MountRequest bind;
  bind.type = "bind";
  bind.source = "/";
  bind.target = "/y";
  bind.bind = wire::BindOptions{};
  bind.bind->read_only_force_recursive = true;
  EXPECT_EQ(code({bind}, {}, false), Errc::invalid);
  bind.read_only = true;
  EXPECT_EQ(code({bind}, {}, false), Errc::internal) << "refused";
}

}  // namespace
}  // namespace gantry::containers
