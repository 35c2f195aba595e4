#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

/// Addresses and blocks of them as a user gives them.
namespace gantry::networks {

struct GivenAddress {
  int family{};
  std::array<std::uint8_t, 16> bytes{};
};

struct GivenBlock {
  GivenAddress address;
  int prefix{};
};

std::optional<GivenAddress> parse_given(const std::string& text);
/// "10.0.0.0/8".
std::optional<GivenBlock> parse_block(const std::string& text);

GivenAddress masked(GivenAddress address, int prefix);
bool is_masked(const GivenBlock& block);
std::string text_of(const GivenAddress& address, int prefix);
/// Of the same family.
bool contains_address(const GivenBlock& block, const GivenAddress& address);

}  // namespace gantry::networks
