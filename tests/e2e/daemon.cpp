#include "daemon.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "isolation/isolation.hpp"
#include "leaks.hpp"
#include "request.hpp"

namespace gantry::e2e {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds kPatience{60};

/// Some tests have several, which share a default bridge.
int daemons = 0;

std::filesystem::path make_root() {
  std::string pattern = (std::filesystem::temp_directory_path() / "gantry-e2e-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  return pattern;
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::filesystem::path program(const std::string& name) {
  const std::string prefix = from_environment("GANTRY_TEST_PREFIX");
  return std::filesystem::path{prefix.empty() ? GANTRY_BUILD_DIR : prefix} / "bin" / name;
}

bool have_docker_cli() { return std::filesystem::exists(from_environment("GANTRY_TEST_DOCKER")); }

std::string oci_runtime() { return from_environment("GANTRY_TEST_RUNTIME"); }

bool have_program(const std::string& name) { return shell("command -v " + name).code == 0; }

Daemon::Daemon() : Daemon(json::object()) {}

Daemon::Daemon(const json& config)
    : root_(make_root()), cgroup_parent_(test_cgroup() + "/" + root_.filename().string()) {
  ++daemons;
  std::filesystem::create_directories(data_root());
  std::filesystem::create_directories(exec_root());
  write_config(config);
}

Daemon::~Daemon() {
  if (process_ && process_->pid() > 0) {
    if (have_containers(*this)) cli("rm -f $(" + program("gantry").string() + " -H " + host() + " ps -aq) 2>/dev/null");
    process_->signal(SIGTERM);
    if (process_->wait() < 0) ADD_FAILURE() << "the daemon does not end:\n" << log();
  }
  process_.reset();
  remove_leftovers(*this);
  if (--daemons == 0) remove_default_bridge();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void Daemon::write_config(const json& config) {
  json all = {{"data-root", data_root().string()},
              {"exec-root", exec_root().string()},
              {"hosts", {host()}},
              {"pidfile", (root_ / "gantry.pid").string()},
              {"cgroup-parent", cgroup_parent_}};
  // An installed daemon finds its drivers by itself.
  if (from_environment("GANTRY_TEST_PREFIX").empty()) {
    all["plugin-dirs"] = {(std::filesystem::path{GANTRY_BUILD_DIR} / "lib/gantry/plugins").string()};
  }
  // The same tests with an OCI runtime.
  if (const std::string runtime = oci_runtime(); !runtime.empty()) {
    all["default-runtime"] = runtime;
    all["runtimes"] = {{runtime, {{"path", runtime}}}};
  }
  // The same tests with drivers in processes of their own.
  if (!from_environment("GANTRY_TEST_ISOLATE").empty()) all["isolate-plugins"] = true;
  all.update(config);
  std::ofstream{config_file()} << all.dump(2);
}

bool Daemon::start(const std::string& preparation) {
  const int watch = ::inotify_init1(IN_CLOEXEC);
  ::inotify_add_watch(watch, root_.c_str(), IN_CREATE);
  process_ =
      std::make_unique<Background>(preparation + " exec " + program("gantryd").string() + " --debug --config-file " +
                                       config_file().string() + " >>" + (root_ / "log").string() + " 2>&1",
                                   environment(), false);
  const int ended = static_cast<int>(::syscall(434 /* pidfd_open */, process_->pid(), 0));
  bool answers = false;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!answers && std::chrono::steady_clock::now() < limit) {
    const auto answer = request(socket(), "GET", "/_ping", {}, kPatience);
    answers = answer && answer->body == "OK";
    if (answers) break;
    pollfd fds[2] = {{watch, POLLIN, 0}, {ended, POLLIN, 0}};
    // A socket is there before it listens, and of that nothing tells.
    if (::poll(fds, 2, 100) < 0 || (fds[1].revents != 0)) break;
    char events[4096];
    if (fds[0].revents != 0 && ::read(watch, events, sizeof events) < 0) break;
  }
  ::close(ended);
  ::close(watch);
  return answers;
}

void Daemon::kill(int signal) {
  process_->signal(signal);
  process_->wait();
}

int Daemon::wait() { return process_->wait(); }

pid_t Daemon::pid() const { return process_->pid(); }

std::string Daemon::log() const {
  std::ifstream file{root_ / "log"};
  return {std::istreambuf_iterator<char>{file}, {}};
}

Environment Daemon::environment() const {
  const std::filesystem::path docker = from_environment("GANTRY_TEST_DOCKER");
  return {{"DOCKER_HOST", host()},
          {"GANTRY_HOST", host()},
          {"DOCKER_CONFIG", (root_ / "client").string()},
          {"DOCKER_BUILDKIT", "0"},
          {"DOCKER_CLI_HINTS", "false"},
          {"TERM", "xterm"},
          {"PATH", docker.parent_path().string() + ":" + from_environment("PATH")}};
}

Result Daemon::cli(const std::string& arguments, const std::string& input) {
  return shell(program("gantry").string() + " " + arguments, environment(), input);
}

Result Daemon::docker(const std::string& arguments, const std::string& input) {
  return shell(from_environment("GANTRY_TEST_DOCKER") + " " + arguments, environment(), input);
}

std::unique_ptr<Background> Daemon::background(const std::string& arguments, bool terminal) {
  return std::make_unique<Background>("exec " + program("gantry").string() + " " + arguments, environment(), terminal);
}

std::unique_ptr<Background> Daemon::background_docker(const std::string& arguments, bool terminal) {
  return std::make_unique<Background>("exec " + from_environment("GANTRY_TEST_DOCKER") + " " + arguments, environment(),
                                      terminal);
}

json Daemon::api(const std::string& method, const std::string& path, const std::string& body) {
  const auto answer = request(socket(), method, path, body, kPatience);
  if (!answer) ADD_FAILURE() << "took longer than " << kPatience.count() << " s: " << method << " " << path;
  status_ = answer ? static_cast<int>(answer->status) : 0;
  if (status_ == 0) return {};
  json parsed = json::parse(answer->body, nullptr, false);
  return parsed.is_discarded() ? json(answer->body) : parsed;
}

json Daemon::inspect(const std::string& container, const std::string& pointer) {
  const json all = api("GET", "/containers/" + container + "/json");
  const json::json_pointer place{pointer};
  return all.contains(place) ? all[place] : json{};
}

bool Daemon::wait_for_exit(const std::string& container) {
  api("POST", "/containers/" + container + "/wait?condition=not-running");
  return status_ == 200;
}

}  // namespace gantry::e2e
