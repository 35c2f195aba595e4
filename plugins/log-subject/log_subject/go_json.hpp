#pragma once

#include <map>
#include <string>

namespace gantry::log_subject {

/// A JSON string as Go's encoder writes it: what could end a script element is escaped, what is no UTF-8 is U+FFFD.
std::string go_json(const std::string& text);

/// An object, its members by name.
std::string go_json(const std::map<std::string, std::string>& members);

}  // namespace gantry::log_subject
