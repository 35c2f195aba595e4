#include "container_shim/seccomp_profile.hpp"

#include <seccomp.h>

#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxProfile = std::size_t{1} << 20;

[[noreturn]] void refuse(const std::string& why) {
  throw Error{Errc::invalid, "Decoding seccomp profile failed: " + why};
}

std::uint32_t parse_action(const std::string& name, std::uint32_t error) {
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(error);
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(error);
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  refuse("unknown action \"" + name + "\"");
}

int parse_operator(const std::string& name) {
  static const std::map<std::string, int> operators = {{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                       {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                       {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                       {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                       {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                       {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                       {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
  const auto found = operators.find(name);
  if (found == operators.end()) refuse("unknown operator \"" + name + "\"");
  return found->second;
}

/// "SCMP_ARCH_X86_64" as libseccomp's token.
std::uint32_t parse_architecture(const std::string& name) {
  std::string lower;
  for (const char c : name.substr(name.starts_with("SCMP_ARCH_") ? 10 : 0)) {
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return ::seccomp_arch_resolve_name(lower.c_str());
}

std::vector<std::string> strings(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::vector<std::string>()
                                                   : found->get<std::vector<std::string>>();
}

SeccompArgument parse_argument(const Json& json) {
  SeccompArgument argument;
  argument.index = json.at("index").get<unsigned>();
  if (argument.index > 5) refuse("a system call has six arguments");
  argument.op = parse_operator(json.at("op").get<std::string>());
  argument.value = json.at("value").get<std::uint64_t>();
  argument.value_two = json.value("valueTwo", std::uint64_t{0});
  return argument;
}

SeccompRule parse_rule(const Json& json, std::uint32_t default_errno) {
  SeccompRule rule;
  rule.names = strings(json, "names");
  if (json.contains("name") && !json.at("name").get<std::string>().empty()) rule.names.push_back(json.at("name"));
  const bool has_errno = json.contains("errnoRet") && !json.at("errnoRet").is_null();
  rule.action = parse_action(json.at("action"), has_errno ? json.at("errnoRet").get<std::uint32_t>() : default_errno);
  if (json.contains("args") && !json.at("args").is_null()) {
    for (const Json& argument : json.at("args")) rule.arguments.push_back(parse_argument(argument));
  }
  const Json includes = json.value("includes", Json::object());
  const Json excludes = json.value("excludes", Json::object());
  if (includes.is_object()) {
    rule.include_capabilities = strings(includes, "caps");
    rule.include_architectures = strings(includes, "arches");
    rule.minimal_kernel = includes.value("minKernel", "");
  }
  if (excludes.is_object()) {
    rule.exclude_capabilities = strings(excludes, "caps");
    rule.exclude_architectures = strings(excludes, "arches");
  }
  return rule;
}

void parse_architectures(const Json& json, SeccompProfile& out) {
  for (const std::string& name : strings(json, "architectures")) {
    if (const std::uint32_t token = parse_architecture(name); token != 0) out.architectures.push_back(token);
  }
  if (!json.contains("archMap") || json.at("archMap").is_null()) return;
  for (const Json& entry : json.at("archMap")) {
    if (parse_architecture(entry.at("architecture")) != ::seccomp_arch_native()) continue;
    for (const std::string& name : strings(entry, "subArchitectures")) {
      if (const std::uint32_t token = parse_architecture(name); token != 0) out.architectures.push_back(token);
    }
  }
}

void parse_flags(const Json& json, SeccompProfile& out) {
  for (const std::string& flag : strings(json, "flags")) {
    if (flag == "SECCOMP_FILTER_FLAG_LOG") {
      out.flags.push_back(SCMP_FLTATR_CTL_LOG);
    } else if (flag != "SECCOMP_FILTER_FLAG_SPEC_ALLOW" && flag != "SECCOMP_FILTER_FLAG_TSYNC") {
      refuse("unknown flag \"" + flag + "\"");
    }
  }
}

}  // namespace

SeccompProfile parse_seccomp_profile(const std::string& text) {
  if (text.size() > kMaxProfile) refuse("the profile is larger than 1 MB");
  try {
    const Json json = Json::parse(text);
    SeccompProfile profile;
    const bool has_errno = json.contains("defaultErrnoRet") && !json.at("defaultErrnoRet").is_null();
    const std::uint32_t default_errno = has_errno ? json.at("defaultErrnoRet").get<std::uint32_t>() : EPERM;
    profile.default_action = parse_action(json.at("defaultAction"), default_errno);
    parse_architectures(json, profile);
    parse_flags(json, profile);
    if (json.contains("syscalls") && !json.at("syscalls").is_null()) {
      for (const Json& rule : json.at("syscalls")) profile.rules.push_back(parse_rule(rule, EPERM));
    }
    return profile;
  } catch (const Json::exception& error) {
    refuse(error.what());
  }
}

}  // namespace gantry::container_shim
