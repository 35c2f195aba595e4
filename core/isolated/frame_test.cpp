// What a process that is not itself any more may send.

#include "isolated/frame.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "gantry/call.hpp"
#include "isolated/exchange.hpp"
#include "isolated/message.hpp"

namespace gantry::isolated {
namespace {

class Frames : public ::testing::Test {
 protected:
  Frames() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    here_.socket = UniqueFd{ends[0]};
    there_ = UniqueFd{ends[1]};
  }

  void send_raw(std::string_view bytes) {
    EXPECT_EQ(::send(there_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  static std::string header(std::uint32_t magic, std::uint32_t type, std::uint32_t message, std::uint32_t bytes) {
    const std::array<std::uint32_t, 4> words{magic, type, message, bytes};
    return {reinterpret_cast<const char*>(words.data()), sizeof words};
  }
  void expect_broken() {
    there_.reset();
    Frame frame;
    EXPECT_THROW(receive_frame(here_.socket.get(), frame), BrokenLink);
  }

  static constexpr std::uint32_t kMagic = 0x67646831;
  Connection here_;
  UniqueFd there_;
};

TEST_F(Frames, ArriveAsTheyWereSent) {
  const std::string bytes(kLargestBytes, 'b');
  const std::string message(std::size_t{3} << 20, '\xff');
  std::thread sender{[&] { send_frame(there_.get(), FrameType::data, message, bytes); }};
  Frame frame;
  ASSERT_TRUE(receive_frame(here_.socket.get(), frame));
  sender.join();
  EXPECT_EQ(frame.type, FrameType::data);
  EXPECT_EQ(frame.message, message);
  EXPECT_EQ(frame.bytes, bytes);
  there_.reset();
  EXPECT_FALSE(receive_frame(here_.socket.get(), frame));
}

TEST_F(Frames, BringDescriptorsWhereTheyAreExpected) {
  const int opened = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const UniqueFd null{opened};
  for (const bool expected : {true, false}) {
    send_frame(there_.get(), FrameType::call, {}, {}, {null.get(), null.get()});
    Frame frame;
    ASSERT_TRUE(receive_frame(here_.socket.get(), frame, expected));
    EXPECT_EQ(frame.descriptors.size(), expected ? 2U : 0U);
    for (const UniqueFd& fd : frame.descriptors) EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(Frames, SayThatThereIsNoRoomForTheirDescriptors) {
  send_frame(there_.get(), FrameType::call, "call", {}, {there_.get(), there_.get()});
  send_frame(there_.get(), FrameType::call, "next");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit full{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &full), 0);
  Frame frame;
  EXPECT_TRUE(receive_frame(here_.socket.get(), frame, true));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(frame.lacks_descriptors);
  EXPECT_EQ(frame.message, "call");
  ASSERT_TRUE(receive_frame(here_.socket.get(), frame, true));
  EXPECT_FALSE(frame.lacks_descriptors);
  EXPECT_EQ(frame.message, "next");
}

TEST_F(Frames, TornHeader) {
  send_raw(header(kMagic, 1, 0, 0).substr(0, 7));
  expect_broken();
}

TEST_F(Frames, TornMessage) {
  send_raw(header(kMagic, 1, 10, 0) + "half");
  expect_broken();
}

TEST_F(Frames, ALengthAloneTakesNoMemory) {
  send_raw(header(kMagic, 1, kCallBounds.bytes, 0) + "little");
  expect_broken();
}

TEST_F(Frames, TooLarge) {
  send_raw(header(kMagic, 1, kCallBounds.bytes + 1, 0));
  expect_broken();
}

TEST_F(Frames, TooManyBytes) {
  send_raw(header(kMagic, 1, 0, kLargestBytes + 1));
  expect_broken();
}

TEST_F(Frames, OfNoType) {
  send_raw(header(kMagic, 99, 0, 0));
  expect_broken();
}

TEST_F(Frames, OfSomethingElse) {
  send_raw("HTTP/1.1 200 OK\r\n\r\n");
  expect_broken();
}

/// What the daemon's end of a call makes of an answer.
class Answers : public Frames {
 protected:
  void expect_refused(FrameType type, const std::string& message) {
    send_frame(there_.get(), type, message);
    EXPECT_THROW(exchange(here_, FrameType::call, Json::array(), {}), BrokenLink) << message;
  }
};

TEST_F(Answers, ThatAreNoMessages) {
  expect_refused(FrameType::result, "\xc1");
  expect_refused(FrameType::result, std::string{"\x00more", 5});
  expect_refused(FrameType::result, "\xdf\xff\xff\xff\xff");       // an object of four billion members
  expect_refused(FrameType::result, std::string(100000, '\x91'));  // arrays in arrays
  expect_refused(FrameType::failure, "");
  expect_refused(FrameType::failure, pack({"no number", 7}));
  expect_refused(FrameType::log, pack("no pair"));
  expect_refused(FrameType::describe, "");
}

TEST_F(Answers, ThatAskForWhatThereIsNot) {
  expect_refused(FrameType::read, "");
  expect_refused(FrameType::write, "");
}

TEST_F(Answers, WhoseDescriptorsDidNotComeThrough) {
  class Taker final : public FdTaker {
    void take(UniqueFd /*fd*/) noexcept override { ADD_FAILURE() << "there was one"; }
  } taker;
  Request request;
  request.taker = &taker;
  send_frame(there_.get(), FrameType::handed);
  send_frame(there_.get(), FrameType::result, pack(Json::array()));
  try {
    exchange(here_, FrameType::call, Json::array(), request);
    ADD_FAILURE() << "it succeeded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::exhausted);
  }
}

TEST_F(Answers, WithAnUnknownCodeAreInternalErrors) {
  send_frame(there_.get(), FrameType::failure, pack({4711, "what?"}));
  try {
    exchange(here_, FrameType::call, Json::array(), {});
    ADD_FAILURE() << "it failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::internal);
    EXPECT_STREQ(error.what(), "what?");
  }
}

}  // namespace
}  // namespace gantry::isolated
