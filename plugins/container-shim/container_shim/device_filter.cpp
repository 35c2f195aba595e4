#include "container_shim/device_filter.hpp"

#include <linux/bpf.h>

#include <algorithm>
#include <iterator>

namespace gantry::container_shim {

namespace {

using runtime::v1::Device;
using runtime::v1::DeviceRule;

// The registers that hold the request.
constexpr std::uint8_t kType = BPF_REG_2, kAccess = BPF_REG_3, kMajor = BPF_REG_4, kMinor = BPF_REG_5;

bpf_insn instruction(unsigned code, std::uint8_t dst, std::uint8_t src, std::int16_t offset, std::int32_t immediate) {
  bpf_insn result{};
  result.code = static_cast<std::uint8_t>(code);
  result.dst_reg = dst & 0xfU;
  result.src_reg = src & 0xfU;
  result.off = offset;
  result.imm = immediate;
  return result;
}

bpf_insn load_word(std::uint8_t into, std::int16_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, into, BPF_REG_1, offset, 0);
}

int access_bits(const std::string& access) {
  int bits = 0;
  for (const char c : access) {
    if (c == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (c == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    if (c == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
  }
  return bits;
}

std::vector<bpf_insn> rule_block(const DeviceRule& rule) {
  std::vector<bpf_insn> checks;
  const auto unless_equal = [&](std::uint8_t reg, std::int64_t value) {
    checks.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, static_cast<std::int32_t>(value)));
  };
  if (rule.type != 'a') unless_equal(kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  if (rule.major >= 0) unless_equal(kMajor, rule.major);
  if (rule.minor >= 0) unless_equal(kMinor, rule.minor);
  const int bits = access_bits(rule.access);
  constexpr int kAll = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
  if (bits != kAll && !rule.access.empty()) {
    checks.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, kAccess, 0, 0));
    checks.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, bits));
    // An allowing rule must cover all that is asked for; a denying one need only touch it.
    checks.push_back(rule.allow ? instruction(BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, kAccess, 0, 0)
                                : instruction(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0));
  }
  checks.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, rule.allow ? 1 : 0));
  checks.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const unsigned code = checks[i].code;
    const bool is_jump = BPF_CLASS(code) == BPF_JMP && BPF_OP(code) != BPF_EXIT;
    if (is_jump) checks[i].off = static_cast<std::int16_t>(checks.size() - i - 1);
  }
  return checks;
}

DeviceRule allow(char type, std::int64_t major, std::int64_t minor, const char* access) {
  return {true, type, major, minor, access};
}

}  // namespace

std::string device_program(const std::vector<DeviceRule>& rules) {
  std::vector<bpf_insn> program = {load_word(kType, 0),
                                   load_word(kAccess, 0),
                                   load_word(kMajor, 4),
                                   load_word(kMinor, 8),
                                   instruction(BPF_ALU | BPF_AND | BPF_K, kType, 0, 0, 0xffff),
                                   instruction(BPF_ALU | BPF_RSH | BPF_K, kAccess, 0, 0, 16)};
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    const auto block = rule_block(*rule);
    program.insert(program.end(), block.begin(), block.end());
    const bool decides_all = rule->type == 'a' && rule->major < 0 && rule->minor < 0;
    if (decides_all && block.size() == 2) {
      return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(bpf_insn)};
    }
  }
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(bpf_insn)};
}

std::vector<DeviceRule> with_default_rules(std::vector<DeviceRule> rules) {
  const DeviceRule defaults[] = {allow('c', -1, -1, "m"), allow('b', -1, -1, "m"),   allow('c', 1, 3, "rwm"),
                                 allow('c', 1, 5, "rwm"), allow('c', 1, 7, "rwm"),   allow('c', 1, 8, "rwm"),
                                 allow('c', 1, 9, "rwm"), allow('c', 5, 0, "rwm"),   allow('c', 5, 1, "rwm"),
                                 allow('c', 5, 2, "rwm"), allow('c', 136, -1, "rwm")};
  rules.insert(rules.end(), std::begin(defaults), std::end(defaults));
  return rules;
}

std::vector<Device> with_default_devices(std::vector<Device> devices) {
  const Device defaults[] = {{"/dev/null", 'c', 1, 3, 0666, 0, 0},    {"/dev/zero", 'c', 1, 5, 0666, 0, 0},
                             {"/dev/full", 'c', 1, 7, 0666, 0, 0},    {"/dev/random", 'c', 1, 8, 0666, 0, 0},
                             {"/dev/urandom", 'c', 1, 9, 0666, 0, 0}, {"/dev/tty", 'c', 5, 0, 0666, 0, 0}};
  for (const Device& device : defaults) {
    const auto same = [&](const Device& other) { return other.path == device.path; };
    if (std::none_of(devices.begin(), devices.end(), same)) devices.push_back(device);
  }
  return devices;
}

}  // namespace gantry::container_shim
