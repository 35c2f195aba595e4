#include "images/bounded_json.hpp"

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::images {

using nlohmann::json;

json parse_bounded(std::string_view content, std::size_t limit, const std::string& what) {
  if (content.size() > limit) {
    throw Error{Errc::invalid, what + ": it is larger than " + std::to_string(limit >> 20) + " MiB"};
  }
  const json::parser_callback_t shallow = [&](int depth, json::parse_event_t, json&) {
    constexpr int kMaxDepth = 64;
    if (depth > kMaxDepth) throw Error{Errc::invalid, what + ": it is nested too deeply"};
    return true;
  };
  json document = json::parse(content, shallow, false);
  if (!document.is_object()) throw Error{Errc::invalid, what + ": it is not a JSON object"};
  return document;
}

}  // namespace gantry::images
