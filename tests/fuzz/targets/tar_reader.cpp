#include "tar/reader.hpp"

#include <algorithm>
#include <array>

#include "command/failure.hpp"
#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  std::string_view rest = text;
  gantry::cli::TarReader reader{[&rest](std::span<char> buffer) {
    const std::size_t size = std::min(buffer.size(), rest.size());
    std::copy_n(rest.data(), size, buffer.data());
    rest.remove_prefix(size);
    return size;
  }};
  try {
    gantry::cli::TarMember member;
    for (std::array<char, 512> content; reader.next(member);) {
      while (reader.read(content) > 0) continue;
    }
  } catch (const gantry::cli::Failure&) {
  }
}
