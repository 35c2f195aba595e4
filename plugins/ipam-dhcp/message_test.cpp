#include "message.hpp"

#include <gtest/gtest.h>

namespace gantry::dhcp {
namespace {

/// A client's frame as the answer of a server that says the same.
std::string answer(Message message) {
  std::string frame = frame_of(message, kEverybody, 0);
  frame[14 + 20 + 2] = 0;
  frame[14 + 20 + 3] = 68;  // to the client
  frame[14 + 20 + 8] = 2;   // BOOTREPLY
  return frame;
}

Message offer() {
  Message message;
  message.type = Type::offer;
  message.xid = 0x12345678;
  message.mac = {2, 0, 0, 0, 0, 1};
  message.server = 0x0a000001;
  return message;
}

TEST(DhcpMessage, ComesBackAsItWasSent) {
  const auto parsed = parse_frame(answer(offer()));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->type, Type::offer);
  EXPECT_EQ(parsed->xid, 0x12345678U);
  EXPECT_EQ(parsed->mac, (Mac{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(parsed->sender, (Mac{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(text_of(parsed->server), "10.0.0.1");
}

TEST(DhcpMessage, SurvivesHostileFrames) {
  const std::string whole = answer(offer());
  for (std::size_t size = 0; size < 14 + 20 + 8 + 300; ++size) EXPECT_FALSE(parse_frame(whole.substr(0, size))) << size;
  // Each byte as something else: it may be understood or not, and nothing is read that is not there.
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = value;
      static_cast<void>(parse_frame(changed));
    }
  }
  std::string cut = whole;
  cut[14 + 20 + 8 + 240] = '\x36';  // an option that is longer than what is left of the message
  cut[14 + 20 + 8 + 241] = '\xff';
  EXPECT_FALSE(parse_frame(cut));
  EXPECT_FALSE(parse_frame(frame_of(offer(), kEverybody, 0))) << "a client's";
}

TEST(DhcpMessage, KnowsMasksAndAddresses) {
  EXPECT_EQ(prefix_of(0xffffff00), 24);
  EXPECT_EQ(prefix_of(0xffffffff), 32);
  EXPECT_FALSE(prefix_of(0xff00ff00));
  EXPECT_FALSE(address_of("10.0.0"));
  EXPECT_EQ(text_of(*address_of("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(text_of(*mac_of("02:0a:00:ff:00:01")), "02:0a:00:ff:00:01");
  for (const char* text : {"", "02:0a:00:ff:00", "02:0a:00:ff:00:0g", "02-0a-00-ff-00-01", "02:0a:00:ff:00:011"}) {
    EXPECT_FALSE(mac_of(text)) << text;
  }
}

}  // namespace
}  // namespace gantry::dhcp
