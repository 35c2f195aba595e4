#include "environment.hpp"

namespace gantry::dockerfile {

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

std::optional<std::string> find_variable(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& variable : env) {
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=') {
      return variable.substr(name.size() + 1);
    }
  }
  return {};
}

void Environment::refresh() {
  places_.clear();
  for (std::size_t at = 0; at < lines_.size(); ++at) {
    if (lines_[at].find('=') != std::string::npos) places_.try_emplace(std::string{name_of(lines_[at])}, at);
  }
}

std::optional<std::string> Environment::find(const std::string& name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) return {};
  return lines_[found->second].substr(name.size() + 1);
}

void Environment::set(const std::string& name, const std::string& value) {
  const auto [found, is_new] = places_.try_emplace(name, lines_.size());
  if (is_new) lines_.emplace_back();
  lines_[found->second] = name + "=" + value;
}

}  // namespace gantry::dockerfile
