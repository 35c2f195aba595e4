#include "lint_scope.hpp"

#include <algorithm>

namespace gantry::dockerfile {

void LintVariables::set_env(const std::string& name, const std::string& value) {
  work_.spend(LintWork::kStep + name.size() + value.size());
  const auto [place, is_new] = env_.insert_or_assign(name, value);
  if (is_new) order_.push_back(name);
}

void LintVariables::declare(const std::string& name, const std::optional<std::string>& value) {
  auto known = arguments_.known(name, value);
  work_.spend(LintWork::kStep + name.size() + (known ? known->size() : 0));
  if (known || !is_declared(name)) declared_[name] = std::move(known);
}

const std::string* LintVariables::env(std::string_view name) const {
  for (const LintVariables* layer = this; layer != nullptr; layer = layer->below_) {
    work_.spend(LintWork::kStep);
    const auto found = layer->env_.find(name);
    if (found != layer->env_.end()) return &found->second;
  }
  return nullptr;
}

const std::optional<std::string>* LintVariables::declared(std::string_view name) const {
  for (const LintVariables* layer = this; layer != nullptr; layer = layer->below_) {
    work_.spend(LintWork::kStep);
    const auto found = layer->declared_.find(name);
    if (found != layer->declared_.end()) return &found->second;
  }
  return nullptr;
}

std::optional<std::string> LintVariables::argument(std::string_view name) const {
  const std::optional<std::string>* value = declared(name);
  return arguments_.in_stage(std::string{name}, value);
}

std::vector<const LintVariables*> LintVariables::from_lowest() const {
  std::vector<const LintVariables*> out;
  for (const LintVariables* layer = this; layer != nullptr; layer = layer->below_) {
    work_.spend(LintWork::kStep);
    out.push_back(layer);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string> LintVariables::names(std::vector<std::string> out, std::size_t most) const {
  const auto layers = from_lowest();
  for (const LintVariables* layer : layers) {
    for (auto name = layer->order_.begin(); name != layer->order_.end() && out.size() < most; ++name) {
      out.push_back(*name);
    }
  }
  std::set<std::string> arguments;
  for (const LintVariables* layer : layers) {
    for (auto at = layer->declared_.begin(); at != layer->declared_.end() && arguments.size() < most; ++at) {
      work_.spend(LintWork::kStep);
      if (argument(at->first)) arguments.insert(at->first + "=");
    }
  }
  for (auto name = arguments.begin(); name != arguments.end() && out.size() < most; ++name) {
    out.push_back(name->substr(0, name->size() - 1));
  }
  return out;
}

}  // namespace gantry::dockerfile
