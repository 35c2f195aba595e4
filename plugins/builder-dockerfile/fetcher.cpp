#include "fetcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <map>
#include <vector>

#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"
#include "text.hpp"
#include "work_directory.hpp"

extern char** environ;

namespace gantry::dockerfile {

using layer_archive::Directory;
using layer_archive::throw_errno;

namespace {

/// What a process says is short; more than this is none of ours.
constexpr std::size_t kMostOutput = std::size_t{64} << 10;
/// Above those that the process gets, so that none is overwritten while it is being made.
constexpr int kLowest = 10;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("cannot make a pipe");
  const UniqueFd first{ends[0]};
  const UniqueFd second{ends[1]};
  return {UniqueFd{::fcntl(first.get(), F_DUPFD_CLOEXEC, kLowest)},
          UniqueFd{::fcntl(second.get(), F_DUPFD_CLOEXEC, kLowest)}};
}

/// A password in an address is not for everybody who may list processes: so it is no argument.
UniqueFd make_input(const std::string& text) {
  const UniqueFd file{::memfd_create("address", MFD_CLOEXEC)};
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw_errno("cannot hand an address over");
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return UniqueFd{::fcntl(file.get(), F_DUPFD_CLOEXEC, kLowest)};
}

pid_t spawn(const std::vector<std::string>& words, int input, int target, int output, int errors) {
  const UniqueFd high{::fcntl(target, F_DUPFD_CLOEXEC, kLowest)};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, high.get(), 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, words.front().c_str(), &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  errno = failed;
  if (failed != 0) throw_errno("cannot start " + words.front());
  return pid;
}

/// A child that is gone when this is.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(wait());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

void read_some(UniqueFd& from, std::string& into) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
  if (got > 0 && into.size() < kMostOutput) into.append(buffer.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EINTR)) from.reset();
}

/// Runs the program to its end. Answers what it told: the first word of each line, and the rest.
std::map<std::string, std::string> run(const std::vector<std::string>& words, const std::string& address, int target,
                                       const std::string& subject, const Call& call) {
  const UniqueFd input = make_input(address);
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  Child child{spawn(words, input.get(), target, output.write.get(), errors.write.get())};
  output.write.reset();
  errors.write.reset();
  std::string told;
  std::string why;
  while (output.read || errors.read) {
    pollfd waiting[] = {{output.read ? output.read.get() : -1, POLLIN, 0},
                        {errors.read ? errors.read.get() : -1, POLLIN, 0},
                        {call.cancel_fd(), POLLIN, 0}};
    ::poll(waiting, 3, 100);
    call.check();
    if (waiting[0].revents != 0) read_some(output.read, told);
    if (waiting[1].revents != 0) read_some(errors.read, why);
  }
  const int status = child.wait();
  if (!WIFEXITED(status))
    throw Error{Errc::io, subject + ": the process was ended by signal " + std::to_string(WTERMSIG(status))};
  if (const int code = WEXITSTATUS(status); code != 0) {
    const bool known = code > static_cast<int>(Errc::invalid) && code <= 1 + static_cast<int>(Errc::internal);
    throw Error{known ? static_cast<Errc>(code - 1) : Errc::io, subject + ": " + why};
  }
  std::map<std::string, std::string> out;
  for (const std::string& line : split(told, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos) out[line.substr(0, blank)] = line.substr(blank + 1);
  }
  return out;
}

std::int64_t seconds_of(const std::string& text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// Everything below becomes root's, as it is in an archive that a client sent.
void give_to_root(const std::string& path) {
  const Directory directory = Directory::open(AT_FDCWD, path);
  if (::fchown(directory.fd(), 0, 0) != 0) throw_errno("cannot set the owner of a directory");
  for (const layer_archive::Name& name : directory.names()) {
    if (::fchownat(directory.fd(), name.text.c_str(), 0, 0, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno("cannot set the owner of a file");
    }
    struct stat status {};
    if (::fstatat(directory.fd(), name.text.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
      give_to_root(path + "/" + name.text);
    }
  }
}

}  // namespace

Download Fetcher::file(const std::string& url, int file, const Call& call) const {
  const std::string subject = "failed to GET " + without_password(url);
  auto told = run({program_, "http", std::to_string(limit_)}, url, file, subject, call);
  const timespec modified{seconds_of(told["modified"]), 0};
  const timespec times[2] = {modified, modified};
  ::futimens(file, times);
  ::lseek(file, 0, SEEK_SET);
  Download out;
  out.name = file_name_of(url);
  if (out.name.empty()) out.name = file_name_in(told["disposition"]);
  const std::string type = told["type"];
  out.media_type = lower(trim(std::string_view{type}.substr(0, type.find(';'))));
  return out;
}

std::string Fetcher::commit_of(const GitAddress& address, const Call& call) const {
  const UniqueFd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const std::string subject = "failed to fetch remote " + without_password(address.url);
  auto told = run({program_, "resolve", address.reference}, address.url, nothing.get(), subject, call);
  return told["commit"];
}

void Fetcher::repository(const GitAddress& address, const std::string& directory, bool keep_git,
                         const Call& call) const {
  const UniqueFd place = open_directory(directory);
  const std::string subject = "failed to fetch remote " + without_password(address.url);
  run({program_, "git", address.reference, address.commit, keep_git ? "1" : "0", std::to_string(limit_)}, address.url,
      place.get(), subject, call);
  give_to_root(directory);
}

}  // namespace gantry::dockerfile
