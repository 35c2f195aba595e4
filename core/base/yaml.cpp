#include "base/yaml.hpp"

#include <yaml.h>

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry {

namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 64;

class Event {
 public:
  explicit Event(yaml_parser_t& parser) {
    if (yaml_parser_parse(&parser, &event_) == 1) return;
    const std::string problem = parser.problem == nullptr ? "malformed" : parser.problem;
    throw Error{Errc::invalid, "yaml: line " + std::to_string(parser.problem_mark.line + 1) + ": " + problem};
  }
  ~Event() { yaml_event_delete(&event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  [[nodiscard]] yaml_event_type_t type() const { return event_.type; }
  [[nodiscard]] bool is_plain() const { return event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE; }
  [[nodiscard]] std::string text() const {
    return {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length};
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error{Errc::invalid, "yaml: line " + std::to_string(event_.start_mark.line + 1) + ": " + why};
  }

 private:
  yaml_event_t event_{};
};

class YamlDocument {
 public:
  explicit YamlDocument(const std::string& text) {
    if (yaml_parser_initialize(&parser_) == 0) throw Error{Errc::exhausted, "yaml: out of memory"};
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~YamlDocument() { yaml_parser_delete(&parser_); }
  YamlDocument(const YamlDocument&) = delete;
  YamlDocument& operator=(const YamlDocument&) = delete;

  Json read() {
    Json root;
    for (bool seen = false;;) {
      const Event event{parser_};
      if (event.type() == YAML_STREAM_END_EVENT) return root;
      if (event.type() == YAML_STREAM_START_EVENT || event.type() == YAML_DOCUMENT_END_EVENT) continue;
      if (event.type() != YAML_DOCUMENT_START_EVENT || seen) event.refuse("one document is expected");
      seen = true;
      const Event first{parser_};
      root = value(first, 0);
    }
  }

 private:
  Json value(const Event& event, int depth) {
    if (depth > kDeepest) event.refuse("nested too deeply");
    switch (event.type()) {
      case YAML_SCALAR_EVENT:
        return event.is_plain() ? scalar(event.text()) : Json(event.text());
      case YAML_SEQUENCE_START_EVENT:
        return sequence(depth);
      case YAML_MAPPING_START_EVENT:
        return mapping(depth);
      case YAML_ALIAS_EVENT:
        event.refuse("aliases are not supported");
      default:
        event.refuse("a value is expected");
    }
  }

  Json sequence(int depth) {
    Json items = Json::array();
    for (;;) {
      const Event item{parser_};
      if (item.type() == YAML_SEQUENCE_END_EVENT) return items;
      items.push_back(value(item, depth + 1));
    }
  }

  Json mapping(int depth) {
    Json members = Json::object();
    for (;;) {
      const Event key{parser_};
      if (key.type() == YAML_MAPPING_END_EVENT) return members;
      if (key.type() != YAML_SCALAR_EVENT) key.refuse("a key is text");
      const std::string name = key.text();
      if (members.contains(name)) key.refuse("key \"" + name + "\" already set in map");
      const Event member{parser_};
      members[name] = value(member, depth + 1);
    }
  }

  /// JSON's numbers are YAML's, but for a few spellings, which stay text.
  static Json scalar(const std::string& text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    Json number = Json::parse(text, nullptr, false);
    return number.is_number() ? number : Json(text);
  }

  yaml_parser_t parser_{};
};

}  // namespace

Json parse_yaml(const std::string& text) { return YamlDocument{text}.read(); }

}  // namespace gantry
