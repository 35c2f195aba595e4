#include "isolated/message.hpp"

#include <nlohmann/json.hpp>
#include <vector>

namespace gantry::isolated {
namespace {

constexpr std::size_t kDeepest = 24;

/// Builds the value, and stops where it is nested so deeply that the parser, which is recursive, would use up the
/// stack.
class BoundedBuilder {
 public:
  explicit BoundedBuilder(std::size_t most_values) : left_(most_values) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t /*value*/, const std::string& /*text*/) { return false; }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) { return false; }
  bool start_object(std::size_t /*size*/) { return begin(Json::object()); }
  bool key(std::string& value) {
    key_ = std::move(value);
    return true;
  }
  bool end_object() { return end(); }
  bool start_array(std::size_t /*size*/) { return begin(Json::array()); }
  bool end_array() { return end(); }
  bool parse_error(std::size_t /*at*/, const std::string& /*last*/, const Json::exception& /*error*/) { return false; }

  Json take() { return std::move(root_); }

 private:
  /// Each takes many times the room that it may have taken in the message.
  bool count() {
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  Json* place(Json&& value) {
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back();
    if (parent.is_array()) return &parent.emplace_back(std::move(value));
    return &(parent[key_] = std::move(value));
  }
  bool add(Json&& value) {
    if (!count()) return false;
    place(std::move(value));
    return true;
  }
  bool begin(Json&& value) {
    if (open_.size() == kDeepest || !count()) return false;
    // A container's place does not move while it is open: only the innermost one grows.
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool end() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  std::size_t left_;
};

}  // namespace

std::string pack(const Json& value) {
  std::string out;
  Json::to_msgpack(value, out);
  return out;
}

Json unpack(const std::string& message, std::size_t most_values) {
  if (message.empty()) return nullptr;
  BoundedBuilder builder{most_values};
  if (!Json::sax_parse(message, &builder, Json::input_format_t::msgpack)) throw Nonsense{"this is no message"};
  return builder.take();
}

}  // namespace gantry::isolated
