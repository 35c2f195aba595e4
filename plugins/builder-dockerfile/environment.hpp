#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gantry::dockerfile {

/// The name in "NAME=value".
std::string_view name_of(std::string_view variable);

/// The value of `name` in "NAME=value" lines.
std::optional<std::string> find_variable(const std::vector<std::string>& env, std::string_view name);

/// "NAME=value" lines in which a name is found however many there are. Of several of one name the first counts.
class Environment {
 public:
  /// `lines`: must live as long; who changes them otherwise calls `refresh`.
  explicit Environment(std::vector<std::string>& lines) : lines_(lines) { refresh(); }

  void refresh();

  [[nodiscard]] std::optional<std::string> find(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const { return places_.contains(name); }
  void set(const std::string& name, const std::string& value);

 private:
  std::vector<std::string>& lines_;
  std::unordered_map<std::string, std::size_t> places_;  ///< Of names with a value.
};

}  // namespace gantry::dockerfile
