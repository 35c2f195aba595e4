#include "api/websocket.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::api {
namespace {

// A frame as a client sends it.
std::string masked(int opcode, const std::string& payload, bool final = true) {
  const std::string mask = "\x11\x22\x33\x44";
  std::string out(1, static_cast<char>((final ? 0x80 : 0) | opcode));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
  }
  out += mask;
  for (std::size_t at = 0; at < payload.size(); ++at) out += static_cast<char>(payload[at] ^ mask[at % 4]);
  return out;
}

TEST(WebSocket, AcceptsAsTheRfcSays) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocket, DecodesPieces) {
  const std::string bytes = masked(2, "hello ", false) + masked(9, "are you there") + masked(0, std::string(300, 'x')) +
                            masked(8, "\x03\xe8") + masked(2, "ignored");
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    WebSocketDecoder decoder;
    std::string data;
    std::string replies;
    for (std::size_t at = 0; at < bytes.size(); at += step) decoder.decode(bytes.substr(at, step), data, replies);
    EXPECT_EQ(data, "hello " + std::string(300, 'x'));
    EXPECT_EQ(replies, std::string("\x8a\x0d") + "are you there" + "\x88\x02\x03\xe8");
    EXPECT_TRUE(decoder.closed());
  }
}

TEST(WebSocket, RefusesWhatNoClientMaySend) {
  WebSocketDecoder decoder;
  std::string data;
  std::string replies;
  EXPECT_THROW(decoder.decode("\x82\x01xxxxx", data, replies), Error);
  WebSocketDecoder other;
  EXPECT_THROW(other.decode(masked(9, std::string(200, 'x')), data, replies), Error);
}

TEST(WebSocket, FramesByLength) {
  EXPECT_EQ(websocket_frame("abc"),
            "\x82\x03"
            "abc");
  EXPECT_EQ(websocket_frame("abc", true),
            "\x81\x03"
            "abc");
  EXPECT_EQ(websocket_frame(std::string(126, 'x')).substr(0, 4), std::string("\x82\x7e\x00\x7e", 4));
  EXPECT_EQ(websocket_frame(std::string(70000, 'x')).substr(0, 10), std::string("\x82\x7f\0\0\0\0\0\x01\x11\x70", 10));
}

}  // namespace
}  // namespace gantry::api
