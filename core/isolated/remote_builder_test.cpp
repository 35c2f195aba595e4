// A builder in a process of its own, which asks for its session while it builds.

#include <gmock/gmock.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "isolated/remote_fixture.hpp"
#include "isolated/session_fixture.hpp"

namespace gantry::isolated {
namespace {

using ::testing::HasSubstr;

/// As many bytes as are wanted.
class Zeros final : public ByteSource {
 public:
  explicit Zeros(std::size_t size) : left_(size) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t size = std::min(buffer.size(), left_);
    std::memset(buffer.data(), 0, size);
    left_ -= size;
    return size;
  }

 private:
  std::size_t left_;
};

/// The fake builder with failpoints (tests/fakes/failing/builder.cpp).
class RemoteBuilders : public Remotes {
 protected:
  void SetUp() override {
    Remotes::SetUp();
    settings_.file = std::make_shared<const DriverFile>(GANTRY_FAKES_DIR "/fake-builder.so");
    settings_.description = describe(*settings_.program, *settings_.file);
    settings_.title = "builder driver \"fake\"";
    remote_ = std::make_shared<Remote>(settings_);
    builder_ = std::static_pointer_cast<builder::v1::Driver>(find_kind("builder")->make_proxy(remote_, kNoLesson));
    builder_->open(*host_);
  }
  void TearDown() override {
    builder_.reset();
    Remotes::TearDown();
  }

  std::string build(TestSession& session, const builder::v1::Request& request) {
    Zeros context{3'000'000};
    std::string image;
    builder_->build(request, context, session, image, call_);
    return image;
  }
  /// The error of a build that must fail, while its command runs.
  Error failure(TestSession& session) {
    builder::v1::Request request;
    request.recipe = "box";
    try {
      build(session, request);
    } catch (const Error& error) {
      return error;
    }
    return Error{Errc::internal, "it succeeded"};
  }

  std::shared_ptr<builder::v1::Driver> builder_;
};

TEST_F(RemoteBuilders, BuildByTheDaemonsSession) {
  TestSession session;
  const UniqueFd archive{::memfd_create("archive", MFD_CLOEXEC)};
  ASSERT_EQ(::write(archive.get(), "abc", 3), 3);
  builder::v1::Request request;
  request.recipe = "box";
  request.archive = archive.get();
  std::thread command{[&] {
    session.say("box", " said ");
    session.stop("box");
  }};
  EXPECT_EQ(build(session, request), "3000000 said abc");
  command.join();
  EXPECT_EQ(session.abandoned(), "");
  builder::v1::Usage usage;
  builder_->usage(usage, call_);
  EXPECT_EQ(usage.size, 7U);
  EXPECT_EQ(builder_->query(builder::v1::Cache::kAbility), nullptr) << "it has none";
}

TEST_F(RemoteBuilders, ACrashInTheMiddleOfACommandEndsIt) {
  for (const std::string crash : {"segfault", "exit"}) {
    faults("build=" + crash + ":*");
    TestSession session;
    const Error error = failure(session);
    EXPECT_EQ(error.code(), Errc::unavailable);
    EXPECT_THAT(error.what(), HasSubstr("builder driver \"fake\" crashed ("));
    EXPECT_THAT(session.abandoned(), HasSubstr("crashed ("));
  }
  faults("");
  TestSession session;
  EXPECT_EQ(build(session, {}), "3000000") << "another process builds";
}

TEST_F(RemoteBuilders, AFailureLeavesTheSessionToTheBuild) {
  faults("build=fail-invalid:*");
  TestSession session;
  std::thread command{[&] {
    session.await_command("box");
    session.stop("box");
  }};
  EXPECT_EQ(failure(session).code(), Errc::invalid);
  command.join();
  EXPECT_EQ(session.abandoned(), "");
}

TEST_F(RemoteBuilders, HearOfACancellation) {
  faults("build=block:*");
  TestSession session;
  std::thread command{[&] {
    session.await_command("box");
    call_.cancel();
    session.stop("box");
  }};
  EXPECT_EQ(failure(session).code(), Errc::cancelled);
  command.join();
  EXPECT_EQ(session.abandoned(), "");
}

TEST_F(RemoteBuilders, OneThatEndsInTheMiddleOfAQuestionKeepsNoBuild) {
  TestSession session;
  builder::v1::Request request;
  request.recipe = "box";
  request.target = "leave";
  try {
    build(session, request);
    ADD_FAILURE() << "it succeeded";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "builder driver \"fake\" ended the build in the middle of a question of its own");
    EXPECT_EQ(session.abandoned(), error.what());
  }
}

class DeafBuilders : public RemoteBuilders {
 protected:
  DeafBuilders() { settings_.grace = std::chrono::milliseconds{50}; }
};

TEST_F(DeafBuilders, AreLeftAloneWithWhatTheyHaveBegun) {
  faults("build=hang:*");
  TestSession session;
  std::thread user{[&] {
    session.await_command("box");
    call_.cancel();
  }};
  const Error error = failure(session);
  user.join();
  EXPECT_EQ(error.code(), Errc::unavailable);
  EXPECT_STREQ(error.what(), "builder driver \"fake\": it did not return from a call after being cancelled");
  EXPECT_EQ(session.abandoned(), error.what());
  std::ofstream{root_ / "data" / "release"};
}

}  // namespace
}  // namespace gantry::isolated
