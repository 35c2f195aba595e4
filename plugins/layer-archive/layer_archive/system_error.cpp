#include "layer_archive/system_error.hpp"

#include <array>
#include <cstdio>
#include <system_error>

namespace gantry::layer_archive {

void throw_errno(const std::string& what, int error) {
  Errc code = Errc::io;
  if (error == ENOENT) code = Errc::not_found;
  if (error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE || error == ENOMEM)
    code = Errc::exhausted;
  throw Error{code, what + ": " + std::generic_category().message(error)};
}

std::string quoted(std::string_view name) {
  constexpr std::size_t kLongest = 256;
  std::string out = "\"";
  for (const char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + (name.size() > kLongest ? "\"..." : "\"");
}

}  // namespace gantry::layer_archive
