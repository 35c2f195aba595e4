#pragma once

#include <cstdint>
#include <string>

#include "gantry/log.hpp"

namespace gantry::log_syslog {

/// The option syslog-facility, shifted as in a message's priority; empty: daemon. Errors: invalid.
int parse_facility(const std::string& text);

/// Errors: invalid, if `text` is no value of the option syslog-format.
void check_format(const std::string& text);

/// What all messages of a container have in common.
struct Style {
  std::string format;  ///< "", "rfc3164", "rfc5424", "rfc5424micro".
  int facility{};
  std::string tag;
  std::string host;
  int pid{};
  bool counted{};  ///< RFC 5424 messages begin with their length (RFC 5425).
};

/// One entry as dockerd sends it, its line feed at the end. Its time is when it was logged.
std::string format_message(const Style& style, const log::v1::Entry& entry);

}  // namespace gantry::log_syslog
