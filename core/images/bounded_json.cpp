#include "images/bounded_json.hpp"

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::images {

using nlohmann::json;

namespace {

constexpr int kMaxDepth = 64;

/// Takes nothing in, and goes on as long as it is an object that is not too deep.
class ShapeCheck final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return depth_ > 0; }
  bool boolean(bool) override { return depth_ > 0; }
  bool number_integer(number_integer_t) override { return depth_ > 0; }
  bool number_unsigned(number_unsigned_t) override { return depth_ > 0; }
  bool number_float(number_float_t, const string_t&) override { return depth_ > 0; }
  bool string(string_t&) override { return depth_ > 0; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++depth_ <= kMaxDepth; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return depth_ > 0 && ++depth_ <= kMaxDepth; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  int depth_{};
};

}  // namespace

json parse_bounded(std::string_view content, std::size_t limit, const std::string& what) {
  if (content.size() > limit) {
    throw Error{Errc::invalid, what + ": it is larger than " + std::to_string(limit >> 20) + " MiB"};
  }
  const json::parser_callback_t shallow = [&](int depth, json::parse_event_t, json&) {
    if (depth > kMaxDepth) throw Error{Errc::invalid, what + ": it is nested too deeply"};
    return true;
  };
  json document = json::parse(content, shallow, false);
  if (!document.is_object()) throw Error{Errc::invalid, what + ": it is not a JSON object"};
  return document;
}

bool is_bounded_object(std::string_view content) {
  ShapeCheck check;
  return json::sax_parse(content, &check);
}

}  // namespace gantry::images
