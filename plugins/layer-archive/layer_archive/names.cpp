#include "layer_archive/names.hpp"

#include <algorithm>

#include "layer_archive/system_error.hpp"

namespace gantry::layer_archive {
namespace {

constexpr std::string_view kAlgorithm = "sha256:";
constexpr std::size_t kLongestKey = 128;

bool is_in(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

}  // namespace

bool is_chain_id(std::string_view id) noexcept {
  if (!id.starts_with(kAlgorithm) || id.size() != kAlgorithm.size() + 64) return false;
  const std::string_view digits = id.substr(kAlgorithm.size());
  return std::all_of(digits.begin(), digits.end(), [](char c) { return is_in(c, "0123456789abcdef"); });
}

std::string hex_of_chain_id(std::string_view id) {
  if (!is_chain_id(id)) throw Error{Errc::invalid, quoted(id) + " is no chain ID: sha256:<64 hex digits>"};
  return std::string{id.substr(kAlgorithm.size())};
}

void check_key(std::string_view key) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  const bool fits = !key.empty() && key.size() <= kLongestKey && key != "." && key != ".." &&
                    std::all_of(key.begin(), key.end(), [&](char c) { return is_in(c, kAllowed); });
  if (!fits) throw Error{Errc::invalid, quoted(key) + " is no key: [A-Za-z0-9_.-]+, at most 128 characters"};
}

}  // namespace gantry::layer_archive
