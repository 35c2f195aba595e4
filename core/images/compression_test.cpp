#include "images/compression.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <span>
#include <string>

namespace gantry::images {
namespace {

class CollectingSink final : public ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;
};

std::string compress(const std::string& plain, std::size_t piece) {
  CollectingSink out;
  GzipSink sink{out};
  for (std::size_t at = 0; at < plain.size(); at += piece) {
    sink.write(std::as_bytes(std::span{plain}.subspan(at, std::min(piece, plain.size() - at))));
  }
  sink.finish();
  return out.text;
}

/// By zlib, whatever compressed it.
std::string inflated(const std::string& packed, std::size_t limit) {
  z_stream z{};
  EXPECT_EQ(inflateInit2(&z, 15 + 16), Z_OK);
  std::string out(limit + 1, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(z.avail_in, 0U);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

std::string words(std::size_t size) {
  std::string text;
  for (std::uint32_t state = 1; text.size() < size;) {
    state = state * 1664525U + 1013904223U;
    text += "word" + std::to_string(state >> 24U) + (state % 7 == 0 ? "\n" : " ");
  }
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return text;
}

TEST(GzipSink, WritesWhatAnyoneInflates) {
  for (const std::size_t size : {0U, 1U, 1000U, 131072U, 3000001U}) {
    for (const std::size_t piece : {997U, 262144U}) {
      for (const std::string& plain : {words(size), noise(size), std::string(size, 'a')}) {
        EXPECT_TRUE(inflated(compress(plain, piece), size) == plain) << size << " by " << piece;
      }
    }
  }
}

TEST(GzipSink, WritesTheSameBytesAgainAndFewOfThem) {
  const std::string plain = words(3000001);
  const std::string packed = compress(plain, 262144);
  EXPECT_TRUE(packed == compress(plain, 262144));
  EXPECT_LT(packed.size() * 3, plain.size());
}

}  // namespace
}  // namespace gantry::images
