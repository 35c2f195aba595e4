#pragma once

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "gantry/driver.hpp"

/// Faults on demand, for the fakes. The option "failpoints" is a comma-separated list of
///
///     <method>=<action>[:<n>]      at the n-th call of the method (1 if not given)
///     <method>=<action>:*          at every call
///
/// with an action fail-<code> (not_found, conflict, invalid, exhausted, unavailable, io, internal), foreign (throws an
/// int), block (until the call is cancelled or the file <data_dir>/release exists), hang (likewise, but deaf to
/// cancellation), kill (the whole process, as kill -9 does), abort, segfault or exit (of the process). "after-" in
/// front of an action: the method does its work first. A file <data_dir>/failpoints is read at each call and takes the
/// option's place, so that a test changes its mind. Each call's method is a line in <data_dir>/calls. The only fault of
/// the end is end=hang, which makes a file <data_dir>/ending.
namespace fake {

namespace fs = std::filesystem;

class Failpoints {
 public:
  static void describe(std::vector<gantry::OptionInfo>& out) {
    out.push_back({"failpoints", gantry::OptionType::text, gantry::OptionScope::driver, "", "faults, for tests"});
  }

  void open(const gantry::Host& host) {
    directory_ = host.data_dir();
    option_ = host.options().at("failpoints");
  }

  /// Runs `work` as the call of `method`, with the faults that are asked for. `call` may be null.
  template <class Work>
  auto during(const std::string& method, const gantry::Call* call, Work work) {
    const std::string action = next(method);
    const bool after = action.starts_with("after-");
    if (!after) act(action, call);
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      if (after) act(action.substr(6), call);
    } else {
      auto result = work();
      if (after) act(action.substr(6), call);
      return result;
    }
  }

  /// In the driver's destructor.
  void at_end() const {
    if (directory_.empty() || wanted() != "end=hang") return;
    std::ofstream{directory_ / "ending"};
    wait(nullptr);
  }

 private:
  /// Counts the call and finds what to do in it.
  std::string next(const std::string& method) {
    const std::scoped_lock guard{mutex_};
    std::ofstream{directory_ / "calls", std::ios::app} << method << '\n';
    const int number = ++counts_[method];
    std::istringstream points{wanted()};
    for (std::string point; std::getline(points, point, ',');) {
      const std::size_t equals = point.find('=');
      if (point.substr(0, equals) != method) continue;
      const std::size_t colon = std::min(point.find(':', equals), point.size());
      const std::string when = colon == point.size() ? "1" : point.substr(colon + 1);
      if (when == "*" || when == std::to_string(number)) return point.substr(equals + 1, colon - equals - 1);
    }
    return {};
  }

  std::string wanted() const {
    std::string text;
    std::ifstream file{directory_ / "failpoints"};
    return std::getline(file, text) ? text : option_;
  }

  void act(const std::string& action, const gantry::Call* call) const {
    if (action.empty()) return;
    if (action == "kill") ::raise(SIGKILL);
    if (action == "abort") std::abort();
    if (action == "segfault") ::raise(SIGSEGV);
    if (action == "exit") ::_exit(7);
    if (action == "foreign") throw 42;
    if (action == "block") return wait(call);
    if (action == "hang") return wait(nullptr);
    using gantry::Errc;
    static const std::map<std::string, Errc> codes{
        {"fail-not_found", Errc::not_found}, {"fail-conflict", Errc::conflict},       {"fail-invalid", Errc::invalid},
        {"fail-exhausted", Errc::exhausted}, {"fail-unavailable", Errc::unavailable}, {"fail-io", Errc::io},
        {"fail-internal", Errc::internal}};
    const auto code = codes.find(action);
    throw gantry::Error{code == codes.end() ? Errc::internal : code->second, "failpoint " + action};
  }

  void wait(const gantry::Call* call) const {
    pollfd cancelled{call == nullptr ? -1 : call->cancel_fd(), POLLIN, 0};
    while (!fs::exists(directory_ / "release")) {
      ::poll(&cancelled, 1, 10);
      if (call != nullptr) call->check();
    }
  }

  fs::path directory_;
  std::string option_;
  std::mutex mutex_;
  std::map<std::string, int> counts_;
};

}  // namespace fake
