#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry::container_shim {

/// One comparison of an argument; `op` is libseccomp's scmp_compare.
struct SeccompArgument {
  unsigned index{};
  int op{};
  std::uint64_t value{};
  std::uint64_t value_two{};
};

/// A rule of a profile in Docker's format. The conditions decide at compile time, the arguments at run time.
struct SeccompRule {
  std::vector<std::string> names;
  std::uint32_t action{};  ///< SCMP_ACT_*, with the errno in it.
  std::vector<SeccompArgument> arguments;
  std::vector<std::string> include_capabilities, exclude_capabilities;
  std::vector<std::string> include_architectures, exclude_architectures;  ///< Go's names: "amd64".
  std::string minimal_kernel;
};

struct SeccompProfile {
  std::uint32_t default_action{};
  std::vector<SeccompRule> rules;
  std::vector<std::uint32_t> architectures;  ///< SCMP_ARCH_*; beside the native one.
  std::vector<std::uint32_t> flags;          ///< SCMP_FLTATR_* to switch on.
};

/// Parses a profile's JSON. Errors: invalid, in dockerd's words.
SeccompProfile parse_seccomp_profile(const std::string& json);

/// Docker's default.
SeccompProfile default_seccomp_profile();

/// "amd64" for this build.
std::string native_architecture();

/// Whether the kernel of that release ("6.1.0-18-amd64") is at least `minimal` ("4.8").
bool kernel_at_least(const std::string& release, const std::string& minimal);

/// Whether a rule holds for a process with these capabilities, on this build's architecture and a kernel of that
/// release.
bool seccomp_rule_applies(const SeccompRule& rule, std::uint64_t capabilities, const std::string& release);

/// The filter's instructions for a process with these capabilities.
std::string compile_seccomp(const SeccompProfile& profile, std::uint64_t capabilities);

}  // namespace gantry::container_shim
