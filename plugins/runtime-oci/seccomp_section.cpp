#include "seccomp_section.hpp"

#include <seccomp.h>
#include <sys/utsname.h>

#include <nlohmann/json.hpp>

#include "container_shim/seccomp_profile.hpp"

namespace gantry::oci {

namespace {

using Json = nlohmann::json;
using container_shim::SeccompProfile;
using container_shim::SeccompRule;

constexpr std::uint32_t kActionMask = 0xffff0000U;

const char* action_name(std::uint32_t action) {
  switch (action & kActionMask) {
    case SCMP_ACT_KILL_PROCESS:
      return "SCMP_ACT_KILL_PROCESS";
    case SCMP_ACT_KILL_THREAD& kActionMask:
      return "SCMP_ACT_KILL_THREAD";
    case SCMP_ACT_TRAP& kActionMask:
      return "SCMP_ACT_TRAP";
    case SCMP_ACT_ERRNO(0):
      return "SCMP_ACT_ERRNO";
    case SCMP_ACT_TRACE(0):
      return "SCMP_ACT_TRACE";
    case SCMP_ACT_LOG:
      return "SCMP_ACT_LOG";
    default:
      return "SCMP_ACT_ALLOW";
  }
}

bool has_number(std::uint32_t action) {
  return (action & kActionMask) == SCMP_ACT_ERRNO(0) || (action & kActionMask) == SCMP_ACT_TRACE(0);
}

const char* operator_name(int op) {
  switch (op) {
    case SCMP_CMP_NE:
      return "SCMP_CMP_NE";
    case SCMP_CMP_LT:
      return "SCMP_CMP_LT";
    case SCMP_CMP_LE:
      return "SCMP_CMP_LE";
    case SCMP_CMP_GE:
      return "SCMP_CMP_GE";
    case SCMP_CMP_GT:
      return "SCMP_CMP_GT";
    case SCMP_CMP_MASKED_EQ:
      return "SCMP_CMP_MASKED_EQ";
    default:
      return "SCMP_CMP_EQ";
  }
}

/// Those that the specification has names for.
Json architecture_names(const std::vector<std::uint32_t>& tokens) {
  Json out = Json::array();
  for (const char* name :
       {"x86", "x86_64", "x32", "arm", "aarch64", "mips", "mips64", "mips64n32", "mipsel", "mipsel64", "mipsel64n32",
        "ppc", "ppc64", "ppc64le", "s390", "s390x", "parisc", "parisc64", "riscv64"}) {
    const std::uint32_t token = ::seccomp_arch_resolve_name(name);
    bool wanted = token != 0 && token == ::seccomp_arch_native();
    for (const std::uint32_t other : tokens) wanted = wanted || (token != 0 && other == token);
    if (!wanted) continue;
    std::string upper = "SCMP_ARCH_";
    for (const char* c = name; *c != 0; ++c) upper += *c >= 'a' && *c <= 'z' ? static_cast<char>(*c - 'a' + 'A') : *c;
    out.push_back(upper);
  }
  return out;
}

Json rule_entry(const SeccompRule& rule) {
  Json entry{{"names", rule.names}, {"action", action_name(rule.action)}};
  if (has_number(rule.action)) entry["errnoRet"] = rule.action & ~kActionMask;
  for (const auto& argument : rule.arguments) {
    entry["args"].push_back({{"index", argument.index},
                             {"value", argument.value},
                             {"valueTwo", argument.value_two},
                             {"op", operator_name(argument.op)}});
  }
  return entry;
}

}  // namespace

Json seccomp_section(const std::string& text, std::uint64_t capabilities) {
  if (text == "unconfined") return nullptr;
  const SeccompProfile profile =
      text.empty() ? container_shim::default_seccomp_profile() : container_shim::parse_seccomp_profile(text);
  utsname host{};
  ::uname(&host);
  Json out{{"defaultAction", action_name(profile.default_action)},
           {"architectures", architecture_names(profile.architectures)}};
  if (has_number(profile.default_action)) out["defaultErrnoRet"] = profile.default_action & ~kActionMask;
  for (const std::uint32_t flag : profile.flags) {
    if (flag == SCMP_FLTATR_CTL_LOG) out["flags"].push_back("SECCOMP_FILTER_FLAG_LOG");
  }
  for (const SeccompRule& rule : profile.rules) {
    if (rule.names.empty() || !container_shim::seccomp_rule_applies(rule, capabilities, host.release)) continue;
    out["syscalls"].push_back(rule_entry(rule));
  }
  return out;
}

}  // namespace gantry::oci
