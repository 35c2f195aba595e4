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
  bool start_object(std::size_t) override { return descend(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return depth_ > 0 && descend(); }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  [[nodiscard]] bool too_deep() const { return depth_ > kMaxDepth; }

 private:
  bool descend() {
    ++depth_;
    return !too_deep();
  }

  int depth_{};
};

}  // namespace

json parse_bounded(std::string_view content, std::size_t limit, const std::string& what) {
  if (content.size() > limit) {
    throw Error{Errc::invalid, what + ": it is larger than " + std::to_string(limit >> 20) + " MiB"};
  }
  // Not by a callback of the parser's, which at the end of each object looks through all that stand beside it.
  ShapeCheck check;
  if (json::sax_parse(content, &check)) return json::parse(content);
  throw Error{Errc::invalid, what + (check.too_deep() ? ": it is nested too deeply" : ": it is not a JSON object")};
}

bool is_bounded_object(std::string_view content) {
  ShapeCheck check;
  return json::sax_parse(content, &check);
}

}  // namespace gantry::images
