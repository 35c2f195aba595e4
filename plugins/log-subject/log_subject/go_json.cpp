#include "log_subject/go_json.hpp"

#include <nlohmann/json.hpp>

namespace gantry::log_subject {

namespace {

std::string encoded(const nlohmann::json& json) {
  std::string out;
  for (const char c : json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<')
      out += "\\u003c";
    else if (c == '>')
      out += "\\u003e";
    else if (c == '&')
      out += "\\u0026";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string go_json(const std::string& text) { return encoded(text); }

std::string go_json(const std::map<std::string, std::string>& members) { return encoded(members); }

}  // namespace gantry::log_subject
