#include <string>

#include "api/streams.hpp"

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  const std::size_t half = text.find(static_cast<char>(10));
  gantry::api::DetachKeys keys{std::string{text.substr(0, half)}};
  if (half == std::string_view::npos) return;
  // Byte by byte or at once: the same comes out.
  gantry::api::DetachKeys again{std::string{text.substr(0, half)}};
  std::string together;
  std::string apart;
  const bool detached = keys.filter(text.substr(half + 1), together);
  bool detached_apart = false;
  for (const char& byte : text.substr(half + 1)) {
    if (!detached_apart) detached_apart = again.filter({&byte, 1}, apart);
  }
  if (detached != detached_apart || together != apart) __builtin_trap();
}
