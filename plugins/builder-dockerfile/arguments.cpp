#include "arguments.hpp"

#include <sys/utsname.h>

#include <algorithm>

#include "gantry/proxy_arguments.hpp"

namespace gantry::dockerfile {
namespace {

std::string architecture() {
  utsname host{};
  ::uname(&host);
  const std::string machine = host.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

}  // namespace

Arguments::Arguments(const builder::v1::Request& request) {
  for (const auto& [name, value] : request.arguments) given_[name] = value;
  const std::string arch = architecture();
  for (const std::string kind : {"BUILD", "TARGET"}) {
    platform_[kind + "PLATFORM"] = "linux/" + arch;
    platform_[kind + "OS"] = "linux";
    platform_[kind + "ARCH"] = arch;
    platform_[kind + "VARIANT"] = "";
  }
  platform_["TARGETSTAGE"] = request.target.empty() ? "default" : request.target;
  // Another platform than the host's, as the user wrote it: os/architecture/variant.
  if (const std::string& wanted = request.platform; !wanted.empty()) {
    const auto first = wanted.find('/');
    const auto second = wanted.find('/', first + 1);
    platform_["TARGETPLATFORM"] = wanted;
    platform_["TARGETOS"] = wanted.substr(0, first);
    if (first != std::string::npos) platform_["TARGETARCH"] = wanted.substr(first + 1, second - first - 1);
    if (first != std::string::npos && second != std::string::npos) {
      platform_["TARGETVARIANT"] = wanted.substr(second + 1);
    }
  }
}

std::optional<std::string> Arguments::value_of(const std::string& name, const Values& from) const {
  if (const auto given = given_.find(name); given != given_.end() && given->second) return given->second;
  const auto found = from.find(name);
  return found == from.end() ? std::nullopt : found->second;
}

void Arguments::declare_global(const std::string& name, const std::optional<std::string>& value) {
  global_[name] = value;
}

std::optional<std::string> Arguments::known(const std::string& name, const std::optional<std::string>& value) const {
  if (value) return value;
  auto out = global_.contains(name) ? value_of(name, global_) : std::nullopt;
  return out ? out : value_of(name, platform_);
}

std::optional<std::string> Arguments::in_stage(const std::string& name,
                                               const std::optional<std::string>* declared) const {
  if (declared == nullptr && !builder::is_proxy_argument(name)) return {};
  const auto given = given_.find(name);
  if (given != given_.end() && given->second) return given->second;
  return declared == nullptr ? std::nullopt : *declared;
}

Variables Arguments::global() const {
  return [this](std::string_view name) {
    const std::string key{name};
    if (global_.contains(key)) return value_of(key, global_);
    return value_of(key, platform_);
  };
}

std::vector<std::pair<std::string, std::string>> Arguments::proxies() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : given_) {
    if (value && builder::is_proxy_argument(name)) out.emplace_back(name, *value);
  }
  return out;
}

bool Arguments::is_given(const std::string& name) const {
  const auto found = given_.find(name);
  return found != given_.end() && found->second.has_value();
}

bool Arguments::is_silent(const std::string& name) const {
  return builder::is_proxy_argument(name) && !global_.contains(name);
}

std::vector<std::string> Arguments::unused(const std::set<std::string>& used) const {
  std::vector<std::string> out;
  for (const auto& [name, value] : given_) {
    const bool is_builders = name == "SOURCE_DATE_EPOCH" || name == kCheckArgument;
    if (!builder::is_proxy_argument(name) && !is_builders && !global_.contains(name) && !used.contains(name))
      out.push_back(name);
  }
  return out;
}

void StageArguments::declare(const std::string& name, const std::optional<std::string>& value) {
  referenced_.insert(name);
  auto known = shared_.known(name, value);
  if (known || !stage_.contains(name)) stage_[name] = std::move(known);
}

std::optional<std::string> StageArguments::find(const std::string& name) const {
  const auto declared = stage_.find(name);
  return shared_.in_stage(name, declared == stage_.end() ? nullptr : &declared->second);
}

std::vector<std::string> StageArguments::allowed(const Environment& env) const {
  std::vector<std::string> out;
  for (const auto& [name, fallback] : stage_) {
    const auto value = shared_.in_stage(name, &fallback);
    if (value && !env.has(name)) out.push_back(name + "=" + *value);
  }
  for (const auto& [name, value] : shared_.proxies()) {
    if (!stage_.contains(name) && !env.has(name)) out.push_back(name + "=" + value);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> StageArguments::telling(const std::vector<std::string>& allowed) const {
  std::vector<std::string> out;
  for (const std::string& variable : allowed) {
    const std::string name{name_of(variable)};
    if (!shared_.is_silent(name) || referenced_.contains(name)) out.push_back(variable);
  }
  return out;
}

}  // namespace gantry::dockerfile
