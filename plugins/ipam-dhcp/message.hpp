#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// DHCPv4 messages (RFC 2131, 2132) in the Ethernet frames that carry them. IPv4 addresses are numbers of the host's
/// order.
namespace gantry::dhcp {

using Mac = std::array<std::uint8_t, 6>;

inline constexpr Mac kEverybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/// Option 53.
enum class Type : std::uint8_t {
  none = 0,
  discover = 1,
  offer = 2,
  request = 3,
  decline = 4,
  ack = 5,
  nak = 6,
  release = 7
};

struct Message {
  Type type{Type::none};
  std::uint32_t xid{};
  Mac mac{};                  ///< The client's (chaddr).
  std::string client_id;      ///< Option 61, raw; empty: none.
  std::string hostname;       ///< Option 12; empty: none.
  std::uint32_t client{};     ///< ciaddr.
  std::uint32_t yours{};      ///< yiaddr.
  std::uint32_t requested{};  ///< Option 50; 0: none.
  std::uint32_t server{};     ///< Option 54; 0: none.
  std::uint32_t mask{};       ///< Option 1; 0: none.
  std::uint32_t router{};     ///< The first of option 3; 0: none.
  std::uint32_t lease{};      ///< Option 51, seconds; 0: none.
  std::uint32_t renew{};      ///< Option 58, seconds; 0: none.
  Mac sender{};               ///< Of the frame.
};

/// The frame of a client's message. `to`: whom it is for; `target`: its address, 0: everybody.
std::string frame_of(const Message& message, const Mac& to, std::uint32_t target);

/// A server's answer, if the frame holds one that makes sense. The frame is anybody's.
std::optional<Message> parse_frame(std::string_view frame);

std::string text_of(std::uint32_t address);
std::optional<std::uint32_t> address_of(const std::string& text);

/// The number of leading ones of a mask; nothing if others follow.
std::optional<int> prefix_of(std::uint32_t mask);

/// "02:00:00:00:00:01". Nothing if it is none.
std::optional<Mac> mac_of(const std::string& text);
std::string text_of(const Mac& mac);

}  // namespace gantry::dhcp
