#include "images/upload_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kRing = 1000;

std::string numbered(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>(at * 7 + at / 251);
  return text;
}

class UploadRingTest : public ::testing::Test {
 protected:
  /// Sends `text` in pieces of at most `piece` bytes, then ends it; says whether the reader has left before.
  awaitable<void> send(std::string text, std::size_t piece, bool whole) {
    for (std::size_t at = 0; at < text.size();) {
      const std::span<std::byte> room = co_await ring_->room();
      reader_left_ = room.empty();
      if (reader_left_) co_return;
      const std::size_t part = std::min({piece, room.size(), text.size() - at});
      std::memcpy(room.data(), text.data() + at, part);
      ring_->filled(part);
      at += part;
    }
    ring_->end(whole);
  }

  void run(const std::string& text, std::size_t piece, bool whole, const std::function<void()>& read) {
    std::thread reader{read};
    asio::co_spawn(io_, send(text, piece, whole), asio::detached);
    const auto more = asio::make_work_guard(io_);
    std::thread ending{[&] {
      reader.join();
      asio::post(io_, [&] { io_.stop(); });
    }};
    io_.restart();
    io_.run();
    ending.join();
  }

  std::string read_all(std::size_t piece) {
    std::string out;
    std::vector<std::byte> buffer(piece);
    while (const std::size_t got = ring_->read(buffer)) {
      out.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
    return out;
  }

  asio::io_context io_;
  std::shared_ptr<UploadRing> ring_ = std::make_shared<UploadRing>(io_.get_executor(), kRing);
  bool reader_left_{};
};

TEST_F(UploadRingTest, BringsAllInOrder) {
  const std::string text = numbered(100'003);
  for (const std::size_t sent : {1U, 7U, 333U, 1000U, 5000U}) {
    for (const std::size_t taken : {3U, 999U, 1000U, 4096U}) {
      ring_ = std::make_shared<UploadRing>(io_.get_executor(), kRing);
      std::string came;
      run(text, sent, true, [&] { came = read_all(taken); });
      EXPECT_TRUE(came == text) << sent << ", " << taken;
    }
  }
}

TEST_F(UploadRingTest, TellsOfABrokenUploadBehindWhatCame) {
  std::string came;
  run(numbered(2500), 100, false, [&] {
    std::vector<std::byte> buffer(100);
    try {
      for (;;) {
        const std::size_t got = ring_->read(buffer);
        came.append(reinterpret_cast<const char*>(buffer.data()), got);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::cancelled);
      EXPECT_STREQ(error.what(), "unexpected EOF");
    }
  });
  EXPECT_TRUE(came == numbered(2500));
}

TEST_F(UploadRingTest, LetsTheWriterGoWhenTheReaderLeaves) {
  asio::co_spawn(io_, send(numbered(5000), 5000, true), asio::detached);
  io_.poll();  // It waits for room now.
  EXPECT_FALSE(reader_left_);
  ring_->leave();
  io_.restart();
  io_.run();
  EXPECT_TRUE(reader_left_);
}

}  // namespace
}  // namespace gantry::images
