#pragma once

#include <string>

/// What tests make huge recipes of.
namespace gantry::dockerfile {

/// "before0after", "before1after", ...
inline std::string numbered(const std::string& before, const std::string& after, int count) {
  std::string out;
  for (int at = 0; at < count; ++at) {
    out += before;
    out += std::to_string(at);
    out += after;
  }
  return out;
}

inline std::string repeated(const std::string& text, int count) {
  std::string out;
  for (int at = 0; at < count; ++at) out += text;
  return out;
}

}  // namespace gantry::dockerfile
