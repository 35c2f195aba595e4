#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "container_shim/plan.hpp"
#include "container_shim/protocol.hpp"
#include "shim/loop.hpp"
#include "shim/process.hpp"

namespace gantry::container_shim {

/// The shim's whole subject: one container, from its making to its last byte of output.
class Container {
 public:
  Container(Loop& loop, Plan plan, UniqueFd exit_pipe, UniqueFd init_program);

  /// Makes the container up to the init that waits; `connection` gets its pid.
  void create(UniqueFd connection);

  /// Lets the init execute its program; `connection` gets the answer when that has happened.
  void start(UniqueFd connection);

  /// The daemon is gone. Before the start that is the end.
  void lose_owner();

  void exec(const Request& request, ExecPlan plan, UniqueFd socket, UniqueFd exit_pipe, UniqueFd connection);
  Reply attach(UniqueFd socket);
  Reply signal(const Request& request);
  Reply resize(const Request& request);
  Reply reopen_log();
  Reply watch(const Request& request, UniqueFd exit_pipe);

  /// Takes the status of every child that has ended.
  void reap();

 private:
  Process* find(const std::string& exec_id);
  void on_child_end(pid_t pid, int status);
  void on_joined(Process& process, int status);
  void create_by_runtime(UniqueFd connection);
  void start_by_runtime();
  void on_runtime_started(int status);
  void await_execution();
  void finish_start();
  void on_made_by_runtime(Process& process, int status);
  void limit_runtime(Process& process, pid_t runtime, const char* command);
  void end_patience(Process& process);
  void give_up_runtime(Process& process, pid_t runtime, const char* command);
  void listen_for_terminal(Process& process);
  bool receive_terminal(Process& process);
  Reply make_init();
  Reply make_cgroups(bool unified);
  Reply not_running() const;
  Reply clone_failure() const;
  void give_to_root(const StdioEnds& ends) const;
  Reply await_child(Process& process);
  Reply prepare_user_namespace();
  void on_groundwork_end(int status);
  Reply place_init();
  Reply clone_init();
  void watch_line(Process& process);
  void read_line(Process& process);
  void on_child(Process& process, std::string_view report, UniqueFd pidfd);
  void on_failure(Process& process, std::string_view report);
  void on_executed(Process& process);
  void on_exit(Process& process, int status);
  void record_exit(int code);
  void record_exec_exit(const Process& process, int code);
  void forget(Process& process);
  void end_if_idle();

  Loop& loop_;
  Plan plan_;
  LogWriter log_;
  UniqueFd init_program_;
  Process* init_ = nullptr;
  std::list<std::unique_ptr<Process>> processes_;
  bool start_requested_ = false;
  pid_t groundwork_ = 0;
  pid_t starter_ = 0;                 ///< The OCI runtime that starts the container.
  UniqueFd execution_;                ///< Hangs up once an OCI runtime's init has executed its program.
  UniqueFd patience_;                 ///< For one that does not: a timer.
  std::map<pid_t, int> ended_early_;  ///< Of children that nobody knows, while an exec is being made.
  std::size_t exec_records_ = 0;
};

}  // namespace gantry::container_shim
