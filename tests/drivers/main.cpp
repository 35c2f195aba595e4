// gantry-driver-test: accepts or refuses a driver.

#include <gtest/gtest.h>

#include <cctype>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "isolation/isolation.hpp"
#include "isolation/own_sys.hpp"
#include "subject.hpp"

namespace {

namespace fs = std::filesystem;
using gantry::conformance::Setup;

constexpr const char* kUsage =
    "usage: gantry-driver-test DRIVER.so [--option NAME=VALUE]... [--object-option NAME=VALUE]... [--dir DIR]\n"
    "                          [--libexec DIR] [--isolated] [GoogleTest's flags]\n"
    "Runs the conformance suite of the driver's kind. Needs root; runs in mount, network and PID namespaces of its "
    "own.\n"
    "  --option         an option of the driver's, as in daemon.json\n"
    "  --object-option  an option of each volume and network that is made, as for `create -o`\n"
    "  --dir            where to make the tests' directories (the filesystem under test), default the system's "
    "temporary one\n"
    "  --libexec        where the daemon's helper programs are, default beside this program or in "
    "../lib/gantry/libexec\n"
    "  --isolated       the driver runs in a process of its own, as with the daemon's isolate-plugins\n";

/// As the daemon finds it: in a build tree beside this program, else where it is installed.
std::string libexec_folder() {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
  if (fs::exists(beside / "gantry-driver-host") || fs::exists(beside / "gantry-shim")) return beside;
  return (beside.parent_path() / "lib/gantry/libexec").lexically_normal();
}

void take_option(const std::string& flag, const std::string& value, gantry::Options& out) {
  const std::size_t equals = value.find('=');
  if (equals == std::string::npos) throw std::invalid_argument{flag + " wants NAME=VALUE: " + value};
  out[value.substr(0, equals)] = value.substr(equals + 1);
}

Setup parse(const std::vector<std::string>& arguments) {
  Setup setup;
  setup.directory = fs::temp_directory_path();
  setup.libexec_dir = libexec_folder();
  for (std::size_t n = 0; n < arguments.size(); ++n) {
    const std::string& argument = arguments[n];
    if (!argument.starts_with("--")) {
      if (!setup.file.empty()) throw std::invalid_argument{"one driver at a time: " + argument};
      setup.file = argument;
      continue;
    }
    if (argument == "--isolated") {
      setup.isolated = true;
      continue;
    }
    if (argument != "--option" && argument != "--object-option" && argument != "--dir" && argument != "--libexec") {
      throw std::invalid_argument{"unknown flag " + argument};
    }
    if (++n == arguments.size()) throw std::invalid_argument{argument + " needs a value"};
    const std::string& value = arguments[n];
    if (argument == "--dir") setup.directory = value;
    if (argument == "--libexec") setup.libexec_dir = value;
    if (argument == "--option") take_option(argument, value, setup.options);
    if (argument == "--object-option") take_option(argument, value, setup.object_options);
  }
  if (setup.file.empty()) throw std::invalid_argument{"which driver?"};
  if (!fs::exists(setup.file)) throw std::invalid_argument{setup.file + ": no such file"};
  return setup;
}

/// The suites for the kind, unless the user chose. Who only leaves out some chose none.
void choose_suites(std::string kind) {
  std::string& filter = ::testing::GTEST_FLAG(filter);
  if (filter == "*") filter.clear();
  if (!filter.empty() && !filter.starts_with('-')) return;
  kind.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(kind.front())));
  filter.insert(0, "AnyDriver*:" + kind + "*");
}

/// Else a driver that looks into /sys/class/net sees the host's interfaces, and neither its own nor the tests'.
void show_interfaces_in_sys() {
  try {
    gantry::show_own_sys();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gantry-driver-test: /sys shows the host's interfaces, not the tests': %s\n", error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view{argv[1]} == "--help") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  ::testing::InitGoogleTest(&argc, argv);
  Setup setup;
  try {
    setup = parse({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gantry-driver-test: %s\n%s", error.what(), kUsage);
    return 2;
  }
  const auto run = [&setup] {
    if (!::testing::GTEST_FLAG(list_tests)) show_interfaces_in_sys();
    try {
      gantry::conformance::set_up(setup);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "gantry-driver-test: %s\n", error.what());
      return 1;
    }
    choose_suites(gantry::conformance::kind_under_test());
    return RUN_ALL_TESTS();
  };
  if (::testing::GTEST_FLAG(list_tests)) return run();
  try {
    return gantry::run_isolated(run);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gantry-driver-test: needs root (namespaces): %s\n", error.what());
    return 1;
  }
}
