#include "format/go_type.hpp"

#include <map>
#include <memory>
#include <sstream>

namespace gantry::cli {

namespace {

using Kind = GoType::Kind;

/// All types, each made once: those that the texts define, and what is composed of them when somebody asks.
class TypeTable {
 public:
  TypeTable() {
    add("interface {}", Kind::any);
    add("string", Kind::text);
    add("bool", Kind::boolean);
    for (const char* name : {"int", "int64", "uint", "uint8", "uint16", "uint64"}) add(name, Kind::integer);
    add("float64", Kind::floating);
    add("time.Time", Kind::time);
    add("time.Duration", Kind::duration);
    for (const char* name : {"time.Month", "time.Weekday"}) add(name, Kind::integer);
    add("struct {}", Kind::structure);
    for (const std::string_view types : {kContainerTypes, kObjectTypes, kSystemTypes}) read(types);
  }

  const GoType* find(const std::string& name) {
    if (name.empty()) return nullptr;
    if (name == "any") return find("interface {}");
    if (name == "struct{}") return find("struct {}");
    const auto found = types_.find(name);
    return found != types_.end() ? found->second.get() : compose(name);
  }

  const GoType* row(const std::string& name) {
    const auto found = types_.find(name);
    return found != types_.end() ? found->second.get() : add(name, Kind::row);
  }

 private:
  GoType* add(const std::string& name, Kind kind) {
    auto& type = types_[name];
    if (!type) type = std::make_unique<GoType>();
    type->kind = kind;
    type->name = name;
    return type.get();
  }

  const GoType* compose(const std::string& name) {
    if (name[0] == '*') return composed(name, Kind::pointer, name.substr(1));
    if (name.rfind("map[", 0) == 0) {
      const auto end = name.find(']');
      const GoType* key = end == std::string::npos ? nullptr : find(name.substr(4, end - 4));
      GoType* map = key == nullptr ? nullptr : composed(name, Kind::map, name.substr(end + 1));
      if (map != nullptr) map->key = key;
      return map;
    }
    // Arrays have a length and are else like slices.
    const auto end = name[0] == '[' ? name.find(']') : std::string::npos;
    return end == std::string::npos ? nullptr : composed(name, Kind::slice, name.substr(end + 1));
  }

  GoType* composed(const std::string& name, Kind kind, const std::string& element_name) {
    const GoType* element = find(element_name);
    if (element == nullptr) return nullptr;
    GoType* type = add(name, kind);
    type->element = element;
    type->name = name.substr(0, name.size() - element_name.size()) + element->name;
    return type;
  }

  // "NAME = TYPE" names one anew; "NAME" alone begins a struct, whose fields follow, indented.
  void read(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::string line;
    GoType* current = nullptr;
    while (std::getline(lines, line)) {
      if (line.empty()) continue;
      std::istringstream words(line);
      std::string name;
      std::string second;
      std::string third;
      words >> name >> second >> third;
      if (line[0] == ' ') {
        if (current != nullptr) current->fields.push_back(field(std::move(name), second, third));
      } else if (second == "=") {
        alias(name, third);
      } else {
        current = add(name, Kind::structure);
      }
    }
  }

  void alias(const std::string& name, const std::string& of) {
    const GoType* base = find(of);
    if (base == nullptr) return;
    GoType* type = add(name, base->kind);
    type->element = base->element;
    type->key = base->key;
  }

  // "Name type [json][?]" or "+Name type"; "?": left out when it is empty.
  GoField field(std::string name, const std::string& type, std::string json) {
    GoField field;
    field.embedded = name[0] == '+';
    if (field.embedded) name.erase(0, 1);
    if (!json.empty() && json.back() == '?') {
      field.omits_empty = true;
      json.pop_back();
    }
    field.json = json.empty() ? name : json;
    field.name = std::move(name);
    field.type = find(type);
    return field;
  }

  std::map<std::string, std::unique_ptr<GoType>, std::less<>> types_;
};

TypeTable& table() {
  static TypeTable all;
  return all;
}

}  // namespace

const GoType* go_type(std::string_view name) { return table().find(std::string(name)); }
const GoType* go_row_type(std::string_view name) { return table().row(std::string(name)); }

}  // namespace gantry::cli
