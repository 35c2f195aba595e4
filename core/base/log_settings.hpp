#pragma once

#include <utility>

#include "gantry/log.hpp"
#include "gantry/log_record.hpp"

/// The settings of a log driver's writer on their way from the daemon to gantry-logger.
namespace gantry {

inline std::string encode_log_settings(const Options& settings) {
  std::string out;
  for (const auto& [name, value] : settings) {
    for (const std::string& text : {name, value}) {
      log::v1::record::put_length(out, static_cast<std::uint32_t>(text.size()));
      out += text;
    }
  }
  return out;
}

/// Errors: invalid.
inline Options decode_log_settings(std::string_view bytes) {
  const auto take = [&bytes] {
    const std::uint32_t length = bytes.size() < 4 ? ~0U : log::v1::record::get_length(bytes);
    if (bytes.size() < 4 || length > bytes.size() - 4) throw Error{Errc::invalid, "settings that are cut off"};
    std::string text{bytes.substr(4, length)};
    bytes.remove_prefix(4 + length);
    return text;
  };
  Options out;
  while (!bytes.empty()) {
    std::string name = take();
    out[std::move(name)] = take();
  }
  return out;
}

}  // namespace gantry
