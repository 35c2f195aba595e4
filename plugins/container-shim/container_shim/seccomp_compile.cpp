#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>
#include <set>

#include "container_shim/capabilities.hpp"
#include "container_shim/seccomp_profile.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace gantry::container_shim {

namespace {

/// System calls that a libseccomp of Debian 12 has no name for. Their numbers are the same on all architectures.
struct NewCall {
  const char* name;
  unsigned number;
};

constexpr NewCall kNewCalls[] = {
    {"memfd_secret", 447},      {"process_mrelease", 448},  {"futex_waitv", 449},      {"set_mempolicy_home_node", 450},
    {"cachestat", 451},         {"fchmodat2", 452},         {"map_shadow_stack", 453}, {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},     {"statmount", 457},        {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},        {"listxattrat", 465},      {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},      {"file_setattr", 469}};

using Context = std::unique_ptr<void, decltype(&::seccomp_release)>;

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

void add(const Context& context, std::uint32_t action, int number, const std::vector<scmp_arg_cmp>& arguments) {
  const int error = ::seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(arguments.size()),
                                             arguments.data());
  // A call that another architecture of the profile lacks is no defect of the profile.
  if (error < 0 && error != -EFAULT && error != -EEXIST && error != -EDOM) {
    throw Error{Errc::invalid, std::string("seccomp rule: ") + std::strerror(-error)};
  }
}

void add_rule(const Context& context, const SeccompRule& rule, int number) {
  std::vector<scmp_arg_cmp> arguments;
  std::set<unsigned> indexes;
  for (const SeccompArgument& a : rule.arguments) {
    arguments.push_back({a.index, static_cast<scmp_compare>(a.op), a.value, a.value_two});
    indexes.insert(a.index);
  }
  if (indexes.size() == arguments.size()) return add(context, rule.action, number, arguments);
  // Several conditions on one argument are alternatives (as runc has it).
  for (const scmp_arg_cmp& argument : arguments) add(context, rule.action, number, {argument});
}

std::string export_program(const Context& context) {
  const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file || ::seccomp_export_bpf(context.get(), file.get()) < 0) {
    throw Error{Errc::io, "cannot export the seccomp filter"};
  }
  std::string program(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
  if (::pread(file.get(), program.data(), program.size(), 0) != static_cast<ssize_t>(program.size())) {
    throw Error{Errc::io, "cannot read the seccomp filter"};
  }
  return program;
}

sock_filter statement(unsigned code, std::uint32_t k, std::uint8_t when = 0, std::uint8_t otherwise = 0) {
  return {static_cast<std::uint16_t>(code), when, otherwise, k};
}

/// What stands before libseccomp's filter: calls newer than libseccomp, which C libraries try and fall back from only
/// if the answer is ENOSYS.
std::string new_calls_program(const SeccompProfile& profile, std::uint64_t capabilities, const std::string& release) {
  std::vector<sock_filter> allowed;
  unsigned highest = 0;
  for (const SeccompRule& rule : profile.rules) {
    if (!seccomp_rule_applies(rule, capabilities, release)) continue;
    for (const std::string& name : rule.names) {
      const int number = ::seccomp_syscall_resolve_name(name.c_str());
      if (number >= 0) highest = std::max(highest, static_cast<unsigned>(number));
      const auto known =
          std::find_if(std::begin(kNewCalls), std::end(kNewCalls), [&](const NewCall& c) { return name == c.name; });
      if (number != __NR_SCMP_ERROR || known == std::end(kNewCalls) || rule.action != SCMP_ACT_ALLOW) continue;
      highest = std::max(highest, known->number);
      allowed.push_back(statement(BPF_JMP | BPF_JEQ | BPF_K, known->number, 0, 1));
      allowed.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
  }
  if (SCMP_ACT_ERRNO(0) != (profile.default_action & 0xffff0000U) || highest == 0 || allowed.size() > 200) return {};
  constexpr std::uint32_t x32_bit = 0x40000000;
  std::vector<sock_filter> program = {
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      // The common case first: an old call passes with one comparison. x32's numbers go to libseccomp as well.
      statement(BPF_JMP | BPF_JGE | BPF_K, kNewCalls[0].number, 0, static_cast<std::uint8_t>(allowed.size() + 3)),
      statement(BPF_JMP | BPF_JGE | BPF_K, x32_bit, static_cast<std::uint8_t>(allowed.size() + 2), 0)};
  program.insert(program.end(), allowed.begin(), allowed.end());
  program.push_back(statement(BPF_JMP | BPF_JGT | BPF_K, highest, 0, 1));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)};
}

}  // namespace

std::string native_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__s390x__)
  return "s390x";
#elif defined(__powerpc64__)
  return "ppc64le";
#elif defined(__riscv)
  return "riscv64";
#else
  return "unknown";
#endif
}

bool kernel_at_least(const std::string& release, const std::string& minimal) {
  unsigned has_major = 0, has_minor = 0, needs_major = 0, needs_minor = 0;
  if (std::sscanf(release.c_str(), "%u.%u", &has_major, &has_minor) < 2) return false;
  if (std::sscanf(minimal.c_str(), "%u.%u", &needs_major, &needs_minor) < 2) return false;
  return has_major > needs_major || (has_major == needs_major && has_minor >= needs_minor);
}

bool seccomp_rule_applies(const SeccompRule& rule, std::uint64_t capabilities, const std::string& release) {
  const auto has = [&](const std::string& name) { return has_capability(capabilities, name); };
  const std::string arch = native_architecture();
  if (!rule.include_architectures.empty() && !contains(rule.include_architectures, arch)) return false;
  if (contains(rule.exclude_architectures, arch)) return false;
  if (!std::all_of(rule.include_capabilities.begin(), rule.include_capabilities.end(), has)) return false;
  if (std::any_of(rule.exclude_capabilities.begin(), rule.exclude_capabilities.end(), has)) return false;
  return rule.minimal_kernel.empty() || kernel_at_least(release, rule.minimal_kernel);
}

std::string compile_seccomp(const SeccompProfile& profile, std::uint64_t capabilities) {
  const Context context(::seccomp_init(profile.default_action), &::seccomp_release);
  if (!context) throw Error{Errc::io, "cannot make a seccomp filter"};
  for (const std::uint32_t arch : profile.architectures) {
    const int error = ::seccomp_arch_add(context.get(), arch);
    if (error < 0 && error != -EEXIST) throw Error{Errc::invalid, "seccomp: an architecture cannot be added"};
  }
  for (const std::uint32_t flag : profile.flags)
    ::seccomp_attr_set(context.get(), static_cast<scmp_filter_attr>(flag), 1);
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree in place of a list
  utsname host{};
  ::uname(&host);
  for (const SeccompRule& rule : profile.rules) {
    if (rule.action == profile.default_action || !seccomp_rule_applies(rule, capabilities, host.release)) continue;
    for (const std::string& name : rule.names) {
      const int number = ::seccomp_syscall_resolve_name(name.c_str());
      if (number != __NR_SCMP_ERROR) add_rule(context, rule, number);
    }
  }
  return new_calls_program(profile, capabilities, host.release) + export_program(context);
}

}  // namespace gantry::container_shim
