#include "shim/title.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

/// The numbers of proc(5)'s stat that follow the program's name; the first one there is the parent's pid, field 4.
std::vector<std::uint64_t> stat_numbers() {
  const std::string text = read_small_file("/proc/self/stat");
  std::vector<std::uint64_t> numbers;
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return numbers;
  const char* at = text.c_str() + name_end + 3;  // behind the state
  for (char* end = nullptr;; at = end) {
    const std::uint64_t value = std::strtoull(at, &end, 10);
    if (end == at) return numbers;
    numbers.push_back(value);
  }
}

}  // namespace

void show_as(std::string_view name, const std::vector<std::string>& arguments) {
  static std::string shown;  // The kernel reads it whenever somebody asks.
  shown.assign(name);
  for (const std::string& argument : arguments) {
    shown += '\0';
    shown += argument;
  }
  shown += '\0';
  ::prctl(PR_SET_NAME, shown.c_str() + name.rfind('/') + 1, 0, 0, 0);

  const std::vector<std::uint64_t> numbers = stat_numbers();
  const auto field = [&](std::size_t number) { return numbers[number - 4]; };
  if (numbers.size() < 48) return;
  const auto begin = reinterpret_cast<std::uintptr_t>(shown.data());
  // All must be given. To change the two of the arguments alone takes a capability.
  prctl_mm_map map{};
  map.start_code = field(26);
  map.end_code = field(27);
  map.start_stack = field(28);
  map.start_data = field(45);
  map.end_data = field(46);
  map.start_brk = field(47);
  map.brk = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  map.arg_start = begin;
  map.arg_end = begin + shown.size();
  map.env_start = map.env_end = map.arg_end;
  map.exe_fd = ~std::uint32_t{0};
  ::prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

}  // namespace gantry::container_shim
