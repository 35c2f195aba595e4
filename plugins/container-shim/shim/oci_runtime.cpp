#include "shim/oci_runtime.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "container_shim/protocol.hpp"
#include "shim/init.hpp"
#include "shim/launch.hpp"
#include "shim/log_line.hpp"
#include "shim/oci_mounts.hpp"
#include "shim/oci_view.hpp"
#include "shim/owned_write.hpp"
#include "shim/passwd.hpp"
#include "shim/report.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

using Words = std::vector<std::string>;

std::string user_json(const Identity& identity) {
  std::string text = "{\"uid\":" + number(identity.uid) + ",\"gid\":" + number(identity.gid) + ",\"additionalGids\":[";
  for (std::size_t i = 0; i < identity.groups.size(); ++i) text += (i == 0 ? "" : ",") + number(identity.groups[i]);
  return text + "]}";
}

/// Looks the user up in the files of the container whose root `root` is: as data, inside of that root.
std::string complete(const PlanDocument& document, const PlanProcess& process, int root, const ReportLine& line) {
  Identity identity;
  const std::string error = resolve_user(process.user, process.groups, read_account_file_in(root, "/etc/passwd"),
                                         read_account_file_in(root, "/etc/group"), identity);
  if (!error.empty()) line.fail(Errc::invalid, error);
  std::string text = document.head;
  if (document.wants_home) {
    text += "\"HOME=";
    append_json_text(text, identity.home);
    text += '"';
  }
  text += document.middle + (identity.uid == 0 ? document.root_rights : document.user_rights);
  return text + ",\"user\":" + user_json(identity) + document.tail;
}

PlanDocument without_mounts(PlanDocument document, const std::vector<const PlanMount*>& mounts) {
  for (const PlanMount* mount : mounts) {
    const std::size_t at = document.tail.find(mount->submount);
    if (at != std::string::npos) document.tail.erase(at, mount->submount.size());
  }
  return document;
}

void write_document(const std::string& directory, const std::string& file, const std::string& text,
                    const ReportLine& line) {
  if (::chdir(directory.c_str()) < 0) line.fail_errno("chdir " + directory);
  if (const int error = replace_file(file.c_str(), text); error != 0) line.fail_errno("write " + file, error);
}

/// A runtime whose shim is killed has nobody to work for; one that is given up goes with what it has started.
void die_with_shim(pid_t shim) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != shim) ::_exit(127);
  ::setpgid(0, 0);
}

/// The runtime's log is a file of its own for each of its runs that can fail.
[[noreturn]] void become_runtime(const Plan& plan, const std::string& exec_id, const Words& words, pid_t shim,
                                 const ReportLine* line) {
  Words all = plan.oci->command;
  all.insert(all.end(), {"--log", plan.directory + "/" + oci_file(exec_id, "log")});
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* const environment[] = {path, nullptr};
  // Again: the kernel forgets it when a process changes whose files it acts on.
  die_with_shim(shim);
  reset_signals();
  // As of who calls a runtime by hand: whoever the container runs as may look at its cgroups, and runc's has it, too.
  ::umask(0022);
  ::execve(arguments.front(), arguments.data(), environment);
  const int error = errno;
  if (line != nullptr) line->fail(Errc::unavailable, "exec " + all.front() + ": " + error_text(error));
  ::_exit(127);
}

void add_terminal(const PlanProcess& process, const std::string& exec_id, Words& words) {
  // Relative, as a socket's address has no room for the directory; that is where the runtime works.
  if (process.terminal) words.insert(words.end(), {"--console-socket", oci_file(exec_id, "tty")});
}

/// Of what nobody can execute each runtime says something else, and whoever asked for it is to get runc's words. What
/// is relative the runtime finds from the process's own directory.
void check_program(const std::string& program, int root, const ReportLine& line) {
  if (!program.starts_with('/')) return;
  const UniqueFd found(openat2_in_root(root, program.c_str(), O_PATH));
  struct stat at {};
  if (!found || ::fstat(found.get(), &at) != 0) return;
  const bool fit = S_ISREG(at.st_mode) && (at.st_mode & 0111) != 0;
  const char* const what = S_ISDIR(at.st_mode) ? "is a directory" : "permission denied";
  if (!fit) line.fail(Errc::denied, "exec: \"" + program + "\": " + what);
}

/// In the runtime's own log, where its errors are looked for.
[[noreturn]] void fail_start(const Plan& plan, const std::string& what, int error) {
  std::string text = "{\"level\":\"error\",\"msg\":\"";
  append_json_text(text, what + ": " + error_text(error));
  const std::string log = plan.directory + "/" + oci_file("", "log");
  write_whole_file(log.c_str(), text + "\"}\n", O_CREAT | O_APPEND);
  ::_exit(1);
}

/// The network has come by now. What is in /proc/sys is that of who looks.
void write_late_sysctls(const Plan& plan, pid_t init) {
  if (plan.sysctls.empty()) return;
  for (const char* kind : {"net", "ipc", "uts"}) {
    const std::string path = "/proc/" + number(init) + "/ns/" + kind;
    const UniqueFd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!space || ::setns(space.get(), 0) < 0) fail_start(plan, "join " + path, errno);
  }
  for (const PlanWrite& write : plan.sysctls) {
    const std::string file = "/proc/sys/" + write.file;
    if (const int error = write_as_root_or(plan.root_uid, file, write.value); error != 0) {
      fail_start(plan, "write " + file, error);
    }
  }
}

/// Out of the way of what a runtime gives its own children: it stays open until the program is executed.
void keep_until_executed(int fd) {
  constexpr int high = 64;
  [[maybe_unused]] const int kept = ::fcntl(fd, F_DUPFD, high);
}

/// The kernel cannot pivot away from an initramfs (dockerd asks for DOCKER_RAMDISK).
bool is_on_initramfs() {
  return read_small_file("/proc/self/mountinfo").find(" / / rw - rootfs ") != std::string::npos;
}

void enter_view(const Plan& plan, const ReportLine& line) {
  if (::unshare(CLONE_NEWNS) < 0) line.fail_errno("make a mount namespace");
  if (hide_mounts(plan.oci->hidden) < 0) line.fail_errno("hide a mount from the OCI runtime");
}

bool is_runtime_seen(const Plan& plan) { return ::access(plan.oci->command.front().c_str(), X_OK) == 0; }

/// Where the way to the container was opened, nothing else is left.
[[noreturn]] void fail_covered(const Plan& plan, const ReportLine& line) {
  const std::string& runtime = plan.oci->command.front();
  line.fail(Errc::unsupported, "the OCI runtime " + runtime +
                                   " is below a directory that only root may enter, and so is " + plan.directory +
                                   ": put it elsewhere, or run the container with --userns=host");
}

}  // namespace

void run_oci_create(const Plan& plan, pid_t shim) {
  const ReportLine line(kReportFd);
  die_with_shim(shim);
  enter_view(plan, line);
  if (make_private_around(plan.directory) < 0) line.fail_errno("make what " + plan.directory + " is on private");
  const bool was_seen = is_runtime_seen(plan);
  const OciGround ground = lay_oci_mounts(plan, line);
  if (was_seen && !is_runtime_seen(plan)) fail_covered(plan, line);
  check_program(plan.oci->program, ground.root.get(), line);
  const PlanDocument config = without_mounts(plan.oci->config, ground.left_out);
  write_document(plan.directory, "config.json", complete(config, plan.process, ground.root.get(), line), line);
  keep_until_executed(kReportFd + 1);
  Words words{"create", "--bundle", plan.directory, "--pid-file", plan.directory + "/" + oci_file("", "pid")};
  if (is_on_initramfs()) words.emplace_back("--no-pivot");
  add_terminal(plan.process, "", words);
  words.push_back(plan.id);
  become_runtime(plan, "", words, shim, &line);
}

void run_oci_start(const Plan& plan, pid_t shim, pid_t init) {
  die_with_shim(shim);
  write_late_sysctls(plan, init);
  const auto& hidden = plan.oci->hidden;
  if (!hidden.empty() && (::unshare(CLONE_NEWNS) < 0 || hide_mounts(hidden) < 0)) ::_exit(127);
  become_runtime(plan, "", {"start", plan.id}, shim, nullptr);
}

void run_oci_exec(const Plan& container, const OciExec& exec) {
  const ReportLine line(kReportFd);
  die_with_shim(exec.shim);
  const std::string path = "/proc/" + number(exec.init) + "/root";
  const UniqueFd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) line.fail(Errc::conflict, "container " + container.id + " is not running");
  check_program(exec.plan.process.args.front(), root.get(), line);
  const std::string document = complete(exec.plan.document, exec.plan.process, root.get(), line);
  write_document(container.directory, oci_file(exec.id, "json"), document, line);
  enter_view(container, line);
  Words words{"exec",       "--detach",
              "--process",  container.directory + "/" + oci_file(exec.id, "json"),
              "--pid-file", container.directory + "/" + oci_file(exec.id, "pid")};
  add_terminal(exec.plan.process, exec.id, words);
  words.push_back(container.id);
  become_runtime(container, exec.id, words, exec.shim, &line);
}

}  // namespace gantry::container_shim
