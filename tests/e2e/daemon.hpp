#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "command.hpp"

namespace gantry::e2e {

/// A gantryd of the build tree's, with data root, exec root, config and cgroup parent of its own. Lives in the test's
/// own network and mount namespaces; ends, with all that it started, when it goes out of scope.
class Daemon {
 public:
  /// `config`: members of daemon.json beside those that keep the daemon apart from others.
  explicit Daemon(const nlohmann::json& config);
  Daemon();
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Starts it and waits until it answers; false (with `log()`) if it ends instead. `preparation`: what the shell does
  /// before it becomes the daemon.
  bool start(const std::string& preparation = {});
  void kill(int signal);
  /// Waits for the end of the process; its code.
  int wait();

  /// `gantry <arguments>`, by a shell: quotes work as they do there.
  Result cli(const std::string& arguments, const std::string& input = {});
  /// The same with the unmodified docker CLI.
  Result docker(const std::string& arguments, const std::string& input = {});
  std::unique_ptr<Background> background(const std::string& arguments, bool terminal = false);
  std::unique_ptr<Background> background_docker(const std::string& arguments, bool terminal = false);

  /// One API request; the body of the answer. `status` of the last one is kept.
  nlohmann::json api(const std::string& method, const std::string& path, const std::string& body = {});
  [[nodiscard]] int status() const { return status_; }

  /// A member of `inspect`, by JSON pointer.
  nlohmann::json inspect(const std::string& container, const std::string& pointer);

  /// Waits by the API until the container has the state.
  bool wait_for_exit(const std::string& container);

  void write_config(const nlohmann::json& config);

  [[nodiscard]] std::string host() const { return "unix://" + socket().string(); }
  [[nodiscard]] std::filesystem::path socket() const { return root_ / "gantry.sock"; }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] std::filesystem::path data_root() const { return root_ / "data"; }
  [[nodiscard]] std::filesystem::path exec_root() const { return root_ / "exec"; }
  [[nodiscard]] std::filesystem::path config_file() const { return root_ / "daemon.json"; }
  [[nodiscard]] const std::string& cgroup_parent() const { return cgroup_parent_; }
  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] std::string log() const;
  [[nodiscard]] Environment environment() const;

 private:
  std::filesystem::path root_;
  std::string cgroup_parent_;
  std::unique_ptr<Background> process_;
  int status_ = 0;
};

/// A program of the build tree's, or of the prefix GANTRY_TEST_PREFIX; whether there is a docker CLI, as ctest was
/// told.
std::filesystem::path program(const std::string& name);
bool have_docker_cli();

/// The OCI runtime that containers are to run with (GANTRY_TEST_RUNTIME); empty: the native one. Whether it is there.
std::string oci_runtime();
bool have_program(const std::string& name);

}  // namespace gantry::e2e
