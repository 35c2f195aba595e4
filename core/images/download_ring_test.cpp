#include "images/download_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <functional>
#include <string>
#include <thread>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kPlaces = 1000;

std::string counted(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>(at * 7 + at / 251);
  return text;
}

class DownloadRingTest : public ::testing::Test {
 protected:
  /// Takes at most `piece` bytes at a time, and leaves once it has `wanted`.
  awaitable<void> receive(std::size_t piece, std::size_t wanted) {
    while (received_.size() < wanted) {
      const std::span<const std::byte> next = co_await ring_->next();
      if (next.empty()) break;
      const std::size_t part = std::min(next.size(), piece);
      received_.append(reinterpret_cast<const char*>(next.data()), part);
      ring_->taken(part);
    }
    ring_->leave();
  }

  void run(std::size_t piece, std::size_t wanted, const std::function<void()>& write) {
    asio::co_spawn(io_, receive(piece, wanted), asio::detached);
    std::thread writer{write};
    // What the writer posts is work as well; the reader's timer never runs out by itself.
    io_.run();
    writer.join();
  }

  void write(const std::string& text, std::size_t piece) {
    for (std::size_t at = 0; at < text.size(); at += piece) {
      ring_->write(std::as_bytes(std::span{text}).subspan(at, std::min(piece, text.size() - at)));
    }
  }

  asio::io_context io_;
  std::shared_ptr<DownloadRing> ring_ = std::make_shared<DownloadRing>(io_.get_executor(), kPlaces);
  std::string received_;
};

TEST_F(DownloadRingTest, BringsAllInOrder) {
  const std::string text = counted(100'003);
  for (const std::size_t piece : {1, 77, 1000, 4096}) {
    received_.clear();
    ring_ = std::make_shared<DownloadRing>(io_.get_executor(), kPlaces);
    io_.restart();
    run(333, text.size() + 1, [&] {
      write(text, piece);
      ring_->end();
    });
    EXPECT_EQ(received_, text) << piece;
  }
}

TEST_F(DownloadRingTest, EndsWithNothing) {
  run(10, 1, [&] { ring_->end(); });
  EXPECT_EQ(received_, "");
}

TEST_F(DownloadRingTest, AReaderThatLeavesEndsAWriterThatWaits) {
  bool cancelled = false;
  run(100, 500, [&] {
    try {
      write(counted(50'000), 5000);
    } catch (const Error& error) {
      cancelled = error.code() == Errc::cancelled;
    }
  });
  EXPECT_TRUE(cancelled);
  EXPECT_GE(received_.size(), 500U);
}

}  // namespace
}  // namespace gantry::images
