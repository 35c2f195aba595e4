#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "containers/service_fixture.hpp"

/// Links on the default bridge, and what becomes of them.
namespace gantry::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class ServiceLinksTest : public ServiceTest {
 protected:
  CreateRequest linked(const std::string& name, const std::string& link, const std::string& network = "") {
    auto what = request(name);
    what.body.host_config.links = {link};
    what.body.host_config.network_mode = network;
    return what;
  }
  void remove(const std::string& name) {
    RemoveRequest removal;
    removal.force = true;
    daemon_->run(service().remove(name, removal));
  }
  std::vector<std::string> links(const std::string& name) { return service().find(name)->host_config.links; }
};

TEST_F(ServiceLinksTest, AreNamesOfWhatIsLinkedTo) {
  const std::string db = create(request("db"));
  create(linked("web", "db:store"));
  EXPECT_EQ(service().find("web/store")->id, db);
  EXPECT_EQ(service().find("/web/store")->id, db);
  EXPECT_THAT(service().link_names(), ElementsAre(Pair(db, "/web/store")));
  daemon_->run(service().rename("web", "shop"));
  EXPECT_EQ(service().find("shop/store")->id, db);
  EXPECT_EQ(refusal([&] { (void)service().find("web/store"); }), "No such container: web/store");
  EXPECT_EQ(refusal([&] { (void)service().find("shop/other"); }), "No such container: shop/other");
}

TEST_F(ServiceLinksTest, CanBeTakenAway) {
  create(request("db"));
  create(linked("web", "db:store"));
  EXPECT_EQ(refusal([&] { daemon_->run(service().remove_link("web")); }),
            "Conflict, cannot remove the default link name of the container");
  EXPECT_EQ(refusal([&] { daemon_->run(service().remove_link("web/x")); }), "No such container: web/x");
  daemon_->run(service().remove_link("/web/store"));
  EXPECT_THAT(links("web"), IsEmpty());
  EXPECT_NE(service().find("db"), nullptr);
}

TEST_F(ServiceLinksTest, ToWhatIsGoneKeepFromStarting) {
  run(request("db"));
  create(linked("web", "db:store"));
  remove("db");
  EXPECT_THAT(links("web"), ElementsAre("/db:store"));
  EXPECT_EQ(refusal([&] { daemon_->run(service().start("web")); }),
            "Cannot link to a non running container: /db AS /web/store");
  crash();
  EXPECT_THAT(links("web"), ElementsAre("/db:store"));
  run(request("db"));
  EXPECT_NO_THROW(daemon_->run(service().start("web"))) << "another one of the name is there";
}

TEST_F(ServiceLinksTest, NeedTheDefaultNetwork) {
  auto apart = request("db");
  apart.body.host_config.network_mode = "none";
  run(apart);
  create(linked("web", "db:store"));
  EXPECT_EQ(refusal([&] { daemon_->run(service().start("web")); }),
            "Cannot link to /db, as it does not belong to the default network");
  create(linked("other", "nobody:store", "mine"));
  EXPECT_THAT(links("other"), IsEmpty()) << "a user's network has links of its own";
}

}  // namespace
}  // namespace gantry::containers
