#include <gmock/gmock.h>

#include <boost/asio/detached.hpp>

#include "containers/service_fixture.hpp"

/// Mounts that come and go while a container runs.
namespace gantry::containers {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class EditTest : public ServiceTest {
 protected:
  static wire::MountRequest mount(const std::string& type, const std::string& target, const std::string& source = "") {
    wire::MountRequest request;
    request.type = type;
    request.target = target;
    request.source = source;
    return request;
  }
  std::string run_with(std::vector<wire::MountRequest> mounts) {
    auto what = request();
    what.body.host_config.mounts = std::move(mounts);
    return run(what);
  }
  void edit(const std::string& id, std::vector<wire::MountRequest> add, std::vector<std::string> remove) {
    daemon_->run(service().edit_mounts(id, std::move(add), std::move(remove)));
  }
  /// What is mounted below /t in the container, oldest first.
  std::vector<std::string> mounted(const std::string& id) {
    const std::lock_guard lock{world_.mutex};
    std::vector<std::string> out;
    for (const std::string& target : world_.mounted[id]) {
      if (target.starts_with("/t")) out.push_back(target);
    }
    return out;
  }
  std::vector<std::string> places(const std::string& id) {
    const auto container = service().find(id);
    EXPECT_FALSE(container->mount_edit);
    std::vector<std::string> out;
    for (const MountPoint& place : container->mounts) out.push_back(place.destination);
    return out;
  }
};

TEST_F(EditTest, ExchangesWhatIsInsideOfOneAnother) {
  const std::string id = run_with({mount("volume", "/t", "outer"), mount("volume", "/t/in", "inner")});
  edit(id, {mount("volume", "/t/in", "new"), mount("tmpfs", "/t")}, {"/t", "/t/in"});
  EXPECT_THAT(mounted(id), ElementsAre("/t", "/t/in"));
  EXPECT_THAT(places(id), ElementsAre("/t", "/t/in"));
  EXPECT_THAT(world_.acquired, ElementsAre("new " + id));
}

TEST_F(EditTest, AFailureTakesBackWhatWasDone) {
  const std::string id = run_with({mount("volume", "/t/old", "old"), mount("tmpfs", "/t/other")});
  const auto acquired = world_.acquired;
  world_.unmountable = {"/t/old/deep"};
  const std::vector<wire::MountRequest> add{mount("volume", "/t/new/in", "new"), mount("volume", "/t/new", "new"),
                                            mount("volume", "/t/old/deep", "deep")};
  EXPECT_EQ(refusal([&] { edit(id, add, {"/t/old", "/t/other"}); }), "cannot mount at /t/old/deep");
  EXPECT_THAT(mounted(id), UnorderedElementsAre("/t/old", "/t/other"));
  EXPECT_THAT(places(id), UnorderedElementsAre("/t/old", "/t/other"));
  EXPECT_EQ(world_.acquired, acquired);
}

TEST_F(EditTest, NothingIsTakenAwayBeforeWhatCanFailIsThere) {
  const std::string id = run_with({mount("tmpfs", "/t/old"), mount("tmpfs", "/t/other")});
  world_.unmountable = {"/t/new"};
  EXPECT_EQ(refusal([&] { edit(id, {mount("tmpfs", "/t/new")}, {"/t/old"}); }), "cannot mount at /t/new");
  EXPECT_THAT(mounted(id), ElementsAre("/t/old", "/t/other")) << "a tmpfs was made anew";
}

TEST_F(EditTest, AKillInBetweenIsTakenBack) {
  const std::string id = run_with({mount("volume", "/t/old", "old")});
  asio::co_spawn(daemon_->context(), service().edit_mounts(id, {mount("volume", "/t/new", "new")}, {"/t/old"}),
                 asio::detached);
  daemon_->until([&] { return service().find(id)->mount_edit && service().find(id)->mount_edit->mounted == 1; });
  EXPECT_THAT(service().users_of_volume("new"), ElementsAre(id)) << "a prune would remove what is just being mounted";
  crash();
  EXPECT_THAT(mounted(id), ElementsAre("/t/old"));
  EXPECT_THAT(places(id), ElementsAre("/t/old"));
  EXPECT_THAT(world_.acquired, ElementsAre("old " + id));
  EXPECT_THAT(service().users_of_volume("new"), IsEmpty());
}

TEST_F(EditTest, AKillWhileSomethingIsTakenAwayBringsItBack) {
  const std::string id = run_with({mount("tmpfs", "/t/first"), mount("tmpfs", "/t/second")});
  asio::co_spawn(daemon_->context(), service().edit_mounts(id, {}, {"/t/first", "/t/second"}), asio::detached);
  daemon_->until([&] { return service().find(id)->mount_edit && service().find(id)->mount_edit->unmounted == 2; });
  crash();
  EXPECT_THAT(mounted(id), UnorderedElementsAre("/t/first", "/t/second"));
  EXPECT_THAT(places(id), ElementsAre("/t/first", "/t/second"));
}

TEST_F(EditTest, AKillAndTheContainersEndLeaveNothing) {
  const std::string id = run_with({});
  asio::co_spawn(daemon_->context(), service().edit_mounts(id, {mount("volume", "/t", "new")}, {}), asio::detached);
  daemon_->until([&] { return service().find(id)->mount_edit && service().find(id)->mount_edit->mounted == 1; });
  daemon_.reset();
  world_.processes.clear();
  crash();
  EXPECT_EQ(state(id), State::exited);
  EXPECT_THAT(places(id), IsEmpty());
  EXPECT_THAT(world_.acquired, IsEmpty());
}

TEST_F(EditTest, AnImageAtThePlaceOfAnotherHasATopOfItsOwn) {
  const std::string id = run_with({mount("image", "/t", "busybox")});
  const auto first = world_.tops;
  EXPECT_EQ(first.size(), 2U);
  StopRequest stop;
  daemon_->run(service().stop(id, stop));
  edit(id, {mount("image", "/t", "other")}, {"/t"});
  EXPECT_THAT(world_.tops, ElementsAre(id)) << "the old one stands over other layers";
  daemon_->run(service().start(id));
  EXPECT_EQ(world_.tops.size(), 2U);
  EXPECT_NE(world_.tops, first);
}

TEST_F(EditTest, TopsThatNoMountNamesAreSweptOnceTheContainerIsAtRest) {
  const std::string id = run_with({mount("image", "/t", "busybox")});
  const std::string stale = id + ".0123456789abcdef";
  world_.tops.insert(stale);
  crash();
  EXPECT_THAT(world_.tops, Contains(stale)) << "what runs may have it";
  StopRequest stop;
  daemon_->run(service().stop(id, stop));
  crash();
  EXPECT_THAT(world_.tops, Not(Contains(stale)));
  EXPECT_EQ(world_.tops.size(), 2U);
}

}  // namespace
}  // namespace gantry::containers
