#include "shim/reach.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "shim/bind.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

struct Question {
  std::size_t index;  ///< Of the mount.
  UniqueFd base;      ///< Opened by the host's root: the runtime gets it from the shim as well.
};

constexpr char kReached = 'y';
constexpr char kClosed = 'n';

bool become_root_of(int user_namespace) {
  return ::setns(user_namespace, CLONE_NEWUSER) == 0 && ::setgroups(0, nullptr) == 0 && ::setresgid(0, 0, 0) == 0 &&
         ::setresuid(0, 0, 0) == 0;
}

/// Whether the way to it is closed, or it is itself: OCI runtimes open what they have mounted. Nothing in it would be
/// seen.
bool is_closed(const PlanMount& mount, int base) {
  const UniqueFd found = open_below(base, mount);
  if (!found) return errno == EACCES;
  struct stat seen {};
  if (::fstat(found.get(), &seen) != 0 || !S_ISDIR(seen.st_mode)) return false;
  return ::faccessat(found.get(), ".", R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES;
}

/// An answer for each question. The rights of that root depend on whose each file is, which only the kernel knows.
std::string look(const std::vector<PlanMount>& mounts, const std::vector<Question>& questions, int user_namespace) {
  std::string answers;
  if (!become_root_of(user_namespace)) return answers;
  for (const Question& question : questions) {
    answers += is_closed(mounts[question.index], question.base.get()) ? kClosed : kReached;
  }
  return answers;
}

}  // namespace

std::vector<std::size_t> unreachable_submounts(const std::vector<PlanMount>& mounts, int user_namespace) {
  std::vector<Question> questions;
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    if (!mounts[i].submount.empty() && !mounts[i].idmap) questions.push_back({i, open_base(mounts[i])});
  }
  int pipe[2] = {-1, -1};
  if (questions.empty() || ::pipe2(pipe, O_CLOEXEC) < 0) return {};
  const UniqueFd answered(pipe[0]);
  UniqueFd answering(pipe[1]);
  UniqueFd pidfd;
  const pid_t pid = clone_process(0, pidfd);
  if (pid == 0) {
    write_all(answering.get(), look(mounts, questions, user_namespace));
    ::_exit(0);
  }
  answering.reset();
  const std::string answers = pid > 0 ? read_rest(answered.get(), questions.size()) : std::string();
  while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i] == kClosed) found.push_back(questions[i].index);
  }
  return found;
}

}  // namespace gantry::container_shim
