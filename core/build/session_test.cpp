// What a builder driver gets of the daemon, over fakes of all that is around it.

#include "build/session.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <future>

#include "containers/service_fixture.hpp"

namespace gantry::build {
namespace {

using namespace std::chrono_literals;

class BuildSession : public containers::ServiceTest {
 protected:
  BuildSession() { make_session({}); }
  void make_session(BuildRequest request) {
    const Service::Neighbours neighbours{daemon_->bus(), daemon_->drivers(), daemon_->workers(), daemon_->images(),
                                         service()};
    const images::Report nobody = [](const wire::ProgressMessage&) {};
    session_ = std::make_shared<Session>(daemon_->context().get_executor(), neighbours,
                                         std::make_shared<const BuildRequest>(std::move(request)), nobody,
                                         std::make_shared<plugins::CancelSource>());
  }

  /// What the driver's thread gets.
  template <class Work>
  auto ask(Work work) {
    auto answer = std::async(std::launch::async, work);
    daemon_->until([&] { return answer.wait_for(0s) == std::future_status::ready; });
    return answer.get();
  }
  template <class Work>
  std::string error_of(Work work) {
    return refusal([&] { ask(work); });
  }
  std::string make_container() {
    builder::v1::ContainerSpec spec;
    spec.image = "busybox";
    spec.config.cmd = {"true"};
    return ask([&] { return session_->create_container(spec); });
  }
  std::string make_tree() {
    return ask([&] { return session_->make_tree(""); });
  }
  static UniqueFd listening_socket() {
    UniqueFd out{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    EXPECT_EQ(::bind(out.get(), reinterpret_cast<const sockaddr*>(&place), sizeof(sa_family_t)), 0);
    EXPECT_EQ(::listen(out.get(), 1), 0);
    return out;
  }
  std::set<std::string> tops() {
    const std::lock_guard lock{world_.mutex};
    return world_.tops;
  }

  std::shared_ptr<Session> session_;
};

TEST_F(BuildSession, WhatItsDriverAskedForIsRemovedWhenThatComesLater) {
  std::unique_lock gate{world_.top_gate};
  auto tree = std::async(std::launch::async, [&] { return session_->make_tree(""); });
  daemon_->until([&] { return tops().size() == 1; });
  session_->abandon("its driver is gone");
  bool clean = false;
  asio::co_spawn(daemon_->context(), session_->clean(), [&](std::exception_ptr) { clean = true; });
  daemon_->context().restart();
  daemon_->context().run_for(50ms);
  EXPECT_FALSE(clean);
  gate.unlock();
  daemon_->until([&] { return clean; });
  EXPECT_EQ(tops(), std::set<std::string>{});
  EXPECT_NE(tree.get(), "");
  EXPECT_EQ(error_of([&] { session_->make_tree(""); }), "context canceled");
}

TEST_F(BuildSession, OneTreeThatCannotBeRemovedKeepsNothingElse) {
  make_container();
  const std::set<std::string> trees{make_tree(), make_tree(), make_tree()};
  make_container();
  const std::set<std::string> stuck{*trees.begin()};
  world_.stuck = stuck;
  EXPECT_EQ(error_of([&] { session_->remove_tree(*stuck.begin()); }), "device or resource busy");
  session_->abandon("its driver is gone");
  session_->abandon("what comes of it");
  daemon_->run(session_->clean());
  EXPECT_EQ(tops(), stuck);
  EXPECT_TRUE(service().all().empty());
  EXPECT_EQ(refusal([&] {
              std::rethrow_exception(session_->failure(Error{Errc::cancelled, "context canceled"}));
            }),
            "its driver is gone");
}

TEST_F(BuildSession, ServesAsManyAgentsOneAfterTheOtherAsThereAreSteps) {
  BuildRequest request;
  request.loan = std::make_shared<Loan>();
  request.loan->agents["default"] = nullptr;
  make_session(std::move(request));
  std::vector<UniqueFd> listeners;
  const auto serve = [&] {
    listeners.push_back(listening_socket());
    return error_of([&] { session_->serve_agent("default", listeners.back().get()); });
  };
  for (int n = 0; n < 256; ++n) ASSERT_EQ(serve(), "") << n;
  EXPECT_EQ(serve(), "a build may have no more than 256 agents served at once");
  for (const UniqueFd& each : listeners) ::shutdown(each.get(), SHUT_RDWR);
  // Their threads are told by the kernel.
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  std::string refused = serve();
  while (!refused.empty() && std::chrono::steady_clock::now() < deadline) refused = serve();
  EXPECT_EQ(refused, "");
  daemon_->run(session_->clean());
}

TEST_F(BuildSession, HasNothingButItsOwn) {
  const std::string foreign = run();
  EXPECT_EQ(error_of([&] { session_->run(foreign); }), "no such container of this build: " + foreign);
  builder::v1::Step step;
  step.top = foreign;
  builder::v1::Image image;
  EXPECT_EQ(error_of([&] { session_->commit(step, image); }), "no such tree or container of this build: " + foreign);
  EXPECT_EQ(error_of([&] { session_->stop(foreign); }), "");
  EXPECT_EQ(error_of([&] { session_->remove_container(foreign); }), "");
  EXPECT_EQ(state(foreign), containers::State::running);
  const std::string own = make_container();
  ask([&] { session_->remove_container(own); });
  EXPECT_FALSE(exists(own));
}

}  // namespace
}  // namespace gantry::build
