// A build's session, asked from afar: both ends of it, without a process between them.

#include "isolated/session.hpp"

#include <gtest/gtest.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "isolated/session_fixture.hpp"

namespace gantry::isolated {
namespace {

using builder::v1::Image;
using builder::v1::Loans;
using builder::v1::Output;
using builder::v1::Step;
using builder::v1::Steps;

class Sessions : public ::testing::Test {
 protected:
  void SetUp() override {
    callbacks_ = std::make_unique<Callbacks>(served_);
    control_ = UniqueFd{::fcntl(callbacks_->theirs(), F_DUPFD_CLOEXEC, 0)};
    proxy_ = std::make_unique<SessionProxy>(control_.get(), services_of(session_));
  }

  template <class Service>
  Service& service() {
    return *static_cast<Service*>(proxy_->query(Service::kService));
  }
  /// Nothing if it succeeds.
  template <class Work>
  static std::optional<Errc> failure(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return std::nullopt;
  }

  TestSession session_;
  std::string distrusted_;
  ServedSession served_{session_, [this](const std::string& why) {
                          distrusted_ += why;
                          throw Error{Errc::unavailable, "it is not itself: " + why};
                        }};
  std::unique_ptr<Callbacks> callbacks_;
  UniqueFd control_;
  std::unique_ptr<SessionProxy> proxy_;
};

/// Keeps what a command says.
class Kept final : public Output {
 public:
  void write(std::string_view piece, bool is_error) override { (is_error ? errors : text) += piece; }
  std::string errors;
  std::string text;
};

TEST_F(Sessions, AnswerAsTheyDoInTheDaemon) {
  EXPECT_EQ(proxy_->query("display"), nullptr) << "this session has none";
  Image image;
  proxy_->image("base", "linux/amd64", true, image);
  EXPECT_EQ(image.id, "base linux/amd64 pulled");
  EXPECT_EQ(image.config.health_check.value().test.size(), 2U);
  Step step;
  step.parent = "parent";
  step.created_by = "known";
  step.author = "somebody";
  step.created = 7;
  EXPECT_TRUE(proxy_->cached(step, image));
  EXPECT_EQ(image.author, "somebody");
  step.created_by = "unknown";
  EXPECT_FALSE(proxy_->cached(step, image));
  proxy_->commit(step, image);
  EXPECT_EQ(image.id, "parent+unknown");
  EXPECT_EQ(proxy_->make_tree("base"), "tree of base");
  builder::v1::ContainerSpec spec;
  spec.image = "base";
  EXPECT_EQ(proxy_->create_container(spec), "box of base");
  proxy_->output("text");
  service<Steps>().output("wrong", true);
  EXPECT_EQ(session_.shown(), "text!wrong");
  std::string secret;
  EXPECT_TRUE(service<Loans>().secret("known", secret));
  EXPECT_EQ(secret, "content of known");
  EXPECT_FALSE(service<Loans>().secret("other", secret));
}

TEST_F(Sessions, PassErrorsOn) {
  Image image;
  EXPECT_EQ(failure([&] { proxy_->image("nosuch", "", false, image); }), Errc::not_found);
  EXPECT_EQ(failure([&] { proxy_->image("foreign", "", false, image); }), Errc::internal);
  proxy_->image("base", "", false, image);
  EXPECT_EQ(image.id, "base ") << "the connection is of use still";
}

TEST_F(Sessions, GiveAndTakeDescriptors) {
  const UniqueFd tree = proxy_->open_tree("tree");
  std::array<char, 8> content{};
  EXPECT_EQ(::read(tree.get(), content.data(), content.size()), 4);
  EXPECT_STREQ(content.data(), "tree");

  const UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  socklen_t size = sizeof(sa_family_t);  // A name of the kernel's choice.
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&place), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  size = sizeof place;
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&place), &size), 0);
  const UniqueFd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&place), size), 0);
  EXPECT_TRUE(service<Loans>().serve_agent("agent", listener.get()));
  EXPECT_EQ(::recv(client.get(), content.data(), content.size(), 0), 5);
}

TEST_F(Sessions, AreAskedByManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int n = 0; n < 16; ++n) {
    threads.emplace_back([this, n] {
      const std::string box = "box" + std::to_string(n);
      Kept said;
      std::thread ending{[&] {
        session_.say(box, box);
        proxy_->stop(box);
      }};
      EXPECT_EQ(service<Steps>().run(box, said), 7);
      ending.join();
      EXPECT_EQ(said.text, box);
      for (int m = 0; m < 20; ++m) EXPECT_EQ(proxy_->make_tree(box), "tree of " + box);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Sessions, BringAllThatACommandSays) {
  const std::string piece(100'000, 'x');
  Kept said;
  std::thread command{[&] {
    session_.say("box", "begin");
    for (int n = 0; n < 50; ++n) session_.say("box", piece, n % 2 == 1);
    session_.say("box", "end");
    session_.stop("box");
  }};
  EXPECT_EQ(service<Steps>().run("box", said), 7);
  command.join();
  EXPECT_EQ(said.text.size(), 8U + 25 * piece.size());
  EXPECT_TRUE(said.text.ends_with("end"));
  EXPECT_EQ(said.errors.size(), 25 * piece.size());
}

TEST_F(Sessions, LetACommandGoOnWhoseOutputNobodyTakes) {
  class Full final : public Output {
    void write(std::string_view /*text*/, bool /*is_error*/) override { throw Error{Errc::exhausted, "full"}; }
  } full;
  std::thread command{[&] {
    for (int n = 0; n < 50; ++n) session_.say("box", std::string(100'000, 'x'));
    session_.stop("box");
  }};
  EXPECT_EQ(failure([&] { service<Steps>().run("box", full); }), Errc::exhausted);
  command.join();
}

TEST_F(Sessions, EndTheDriversQuestionsWithTheBuild) {
  std::thread build{[this] {
    session_.await_command("box");
    served_.abandon("its driver is gone");
    callbacks_.reset();
  }};
  Kept said;
  EXPECT_EQ(failure([&] { service<Steps>().run("box", said); }), Errc::cancelled);
  build.join();
  EXPECT_EQ(failure([&] { proxy_->make_tree("base"); }), Errc::cancelled);
  EXPECT_NO_THROW(proxy_->output("nobody hears it"));
}

TEST_F(Sessions, KnowTheirQuestions) {
  std::thread command{[this] { EXPECT_EQ(failure([&] { proxy_->run("box"); }), Errc::cancelled); }};
  session_.await_commands(1);
  EXPECT_FALSE(served_.end()) << "one is under way";
  EXPECT_EQ(served_.abandon("first"), "first");
  EXPECT_EQ(served_.abandon("second"), "first");
  command.join();
  EXPECT_TRUE(served_.end());
  EXPECT_EQ(failure([&] { proxy_->make_tree("base"); }), Errc::cancelled) << "there are no more";
  EXPECT_EQ(session_.abandoned(), "first");
  EXPECT_EQ(distrusted_, "");
}

TEST_F(Sessions, RefuseMoreQuestionsAtOnceThanTheyHaveThreadsFor) {
  std::vector<std::thread> threads;
  for (std::size_t n = 0; n < kMostCallbacks; ++n) threads.emplace_back([this] { EXPECT_EQ(proxy_->run("box"), 7); });
  session_.await_commands(kMostCallbacks);
  EXPECT_EQ(failure([&] { proxy_->make_tree("base"); }), Errc::exhausted);
  session_.stop("box");
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(proxy_->make_tree("base"), "tree of base");
}

TEST_F(Sessions, LetTheDriverShowNoMoreThanTheUserTakes) {
  session_.fill(true);
  std::atomic<bool> shown = false;
  std::thread driver{[&] {
    proxy_->output("first");
    shown = true;
    service<Steps>().output("second", true);
  }};
  EXPECT_EQ(proxy_->make_tree("base"), "tree of base") << "that is no reason to wait for anything else";
  EXPECT_FALSE(shown);
  session_.fill(false);
  driver.join();
  EXPECT_EQ(session_.shown(), "first!second");
}

TEST_F(Sessions, RefuseQuestionsThatAreTooLarge) {
  EXPECT_EQ(failure([&] { proxy_->make_tree(std::string(kQuestionBounds.bytes, 'x')); }), Errc::invalid);
  EXPECT_EQ(proxy_->make_tree("base"), "tree of base") << "the connection is of use still";
}

// What a driver's process that is not itself any more may send.

class HostileSessions : public Sessions {
 protected:
  /// A connection as the driver gets it.
  UniqueFd connect() {
    send_frame(control_.get(), FrameType::connection);
    Frame answer;
    if (!receive_frame(control_.get(), answer, true) || answer.descriptors.empty()) return {};
    return std::move(answer.descriptors.front());
  }
  /// What comes of a call: the frame's type, or nothing if the daemon has ended the connection.
  static std::optional<FrameType> answer_to(int socket) {
    Frame answer;
    if (!receive_frame(socket, answer, true)) return std::nullopt;
    return answer.type;
  }
  /// The build ends by itself, not because something has taken too long for a socket.
  void expect_quick_end() {
    const auto begin = std::chrono::steady_clock::now();
    callbacks_.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20});
  }
  // Numbers of methods (session.cpp).
  static constexpr int kImage = 1;
  static constexpr int kMakeTree = 4;
  void expect_well() { EXPECT_EQ(proxy_->make_tree("base"), "tree of base"); }
};

TEST_F(HostileSessions, CallsThatAreNoneEndTheirConnection) {
  const Json calls =
      Json::array({Json::array(), Json::object(), 7, Json::array({0, 1}), Json::array({-1, Json::array()}),
                   Json::array({1'000, Json::array()}), Json::array({kImage, {"too", "few"}})});
  for (const Json& call : calls) {
    const UniqueFd socket = connect();
    send_frame(socket.get(), FrameType::call, pack(call));
    EXPECT_EQ(answer_to(socket.get()), std::nullopt) << call;
    expect_well();
  }
  EXPECT_EQ(distrusted_, "this is no call") << "only the first reason counts";
  EXPECT_EQ(session_.abandoned(), "it is not itself: this is no call");
  for (const FrameType type : {FrameType::describe, FrameType::open, FrameType::result, FrameType::connection}) {
    const UniqueFd socket = connect();
    send_frame(socket.get(), type);
    EXPECT_EQ(answer_to(socket.get()), std::nullopt);
    expect_well();
  }
}

TEST_F(HostileSessions, ParametersOfAnotherTypeFailTheCall) {
  const UniqueFd socket = connect();
  const Json calls = Json::array(
      {Json::array({kImage, {7, "", true, Json::object()}}), Json::array({kImage, {"base", "", true, {{"id", 7}}}})});
  for (const Json& call : calls) {
    send_frame(socket.get(), FrameType::call, pack(call));
    EXPECT_EQ(answer_to(socket.get()), FrameType::failure) << call;
  }
  expect_well();
}

TEST_F(HostileSessions, AFrameThatIsNoneEndsItsConnection) {
  const UniqueFd socket = connect();
  ASSERT_EQ(::send(socket.get(), "this is no frame at all", 23, 0), 23);
  EXPECT_EQ(answer_to(socket.get()), std::nullopt);
  EXPECT_EQ(distrusted_, "this is no frame");
  expect_well();
}

TEST_F(HostileSessions, QuestionsAreSmall) {
  UniqueFd socket = connect();
  const std::array<std::uint32_t, 4> words{0x67646831, static_cast<std::uint32_t>(FrameType::call),
                                           kQuestionBounds.bytes + 1, 0};
  ASSERT_EQ(::send(socket.get(), words.data(), sizeof words, 0), static_cast<ssize_t>(sizeof words));
  EXPECT_EQ(answer_to(socket.get()), std::nullopt);
  EXPECT_EQ(distrusted_, "a frame is too large");
  socket = connect();
  const Json many = Json::array({kMakeTree, std::vector<int>(kQuestionBounds.values)});
  send_frame(socket.get(), FrameType::call, pack(many));
  EXPECT_EQ(answer_to(socket.get()), std::nullopt);
  expect_well();
}

TEST_F(HostileSessions, AWishThatIsNoneEndsTheWishing) {
  expect_well();
  send_frame(control_.get(), FrameType::call);
  Frame none;
  EXPECT_FALSE(receive_frame(control_.get(), none));
  EXPECT_EQ(distrusted_, "a connection was expected to be asked for");
  expect_well();  // on the connection that there is
}

TEST_F(HostileSessions, HalfAFrameDoesNotKeepTheBuild) {
  const UniqueFd socket = connect();
  ASSERT_EQ(::send(socket.get(), "1hdg", 4, 0), 4);
  ASSERT_EQ(::send(control_.get(), "1hdg", 4, 0), 4);
  expect_quick_end();
}

TEST_F(HostileSessions, ADriverThatTakesNoAnswersDoesNotKeepTheBuild) {
  const UniqueFd socket = connect();
  const Json make_tree = Json::array({kMakeTree, {std::string(std::size_t{3} << 20, 'x')}});
  // Its answer is larger than the socket has room for.
  send_frame(socket.get(), FrameType::call, pack(make_tree));
  expect_quick_end();
}

TEST_F(HostileSessions, ADriverThatTakesNothingIsHandedNothing) {
  SocketPair pair = make_socket_pair();
  Line line;
  line.socket = std::move(pair.ours);
  const std::string filling(std::size_t{64} << 10, 'x');
  while (::send(line.socket.get(), filling.data(), filling.size(), MSG_DONTWAIT) > 0) {
  }
  Frame call;
  call.message = pack(Json::array({0, Json::array()}));
  Incoming incoming{line, call};
  incoming.taker().take(UniqueFd{::fcntl(control_.get(), F_DUPFD_CLOEXEC, 0)});
  std::string taken(filling.size(), '\0');
  ssize_t got = 0;
  do {
    got = ::recv(pair.theirs.get(), taken.data(), taken.size(), MSG_DONTWAIT);
  } while (got > 0);
  EXPECT_EQ(got, 0) << "the connection has ended";
}

}  // namespace
}  // namespace gantry::isolated
