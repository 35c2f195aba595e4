#include "containers/host_ps.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "base/file.hpp"

extern char** environ;

namespace gantry::containers {

namespace {

constexpr std::string_view kBlanks = " \t\n\f\r\v";

struct Pipe {
  UniqueFd read;
  UniqueFd write;

  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe");
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
};

struct Answer {
  int status{};
  std::string output;
  std::string complaint;
  bool complete = true;

  [[nodiscard]] bool refused() const { return complete && WIFEXITED(status) && WEXITSTATUS(status) != 0; }
};

/// -1 if there is no such program. Errors: io.
pid_t spawn_ps(std::vector<std::string> words, int output, int complaint) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, complaint, STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, "ps", &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) return -1;
  if (failed != 0) throw_errno("cannot run ps", failed);
  return pid;
}

/// Reads what comes on both pipes up to their ends. False: it is too much.
bool drain(int output, int complaint, Answer& answer) {
  constexpr std::size_t most = std::size_t{16} << 20;
  std::array<pollfd, 2> open{pollfd{output, POLLIN, 0}, pollfd{complaint, POLLIN, 0}};
  std::array<char, 16384> buffer;
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    if (::poll(open.data(), open.size(), -1) < 0 && errno != EINTR) return false;
    for (pollfd& one : open) {
      if (one.fd < 0 || one.revents == 0) continue;
      const ssize_t got = ::read(one.fd, buffer.data(), buffer.size());
      std::string& text = one.fd == output ? answer.output : answer.complaint;
      if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) one.fd = -1;
      if (text.size() > most) return false;
    }
  }
  return true;
}

std::optional<Answer> run_ps(std::vector<std::string> words) {
  Pipe output;
  Pipe complaint;
  words.insert(words.begin(), "ps");
  const pid_t pid = spawn_ps(std::move(words), output.write.get(), complaint.write.get());
  if (pid < 0) return std::nullopt;
  output.write.reset();
  complaint.write.reset();
  Answer answer;
  answer.complete = drain(output.read.get(), complaint.read.get(), answer);
  if (!answer.complete) ::kill(pid, SIGKILL);
  while (::waitpid(pid, &answer.status, 0) < 0 && errno == EINTR) {
  }
  return answer;
}

// As Go's strings.Split: two spaces have an empty word between them.
std::vector<std::string> split_at_spaces(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(' ', at);
    words.push_back(text.substr(at, end == std::string::npos ? end : end - at));
    if (end == std::string::npos) return words;
    at = end + 1;
  }
}

std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields;
  for (std::size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    fields.emplace_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return fields;
}

/// What hangs over the last column belongs to it.
void add_row(Processes& table, std::vector<std::string> fields) {
  const std::size_t columns = table.titles.size();
  for (std::size_t at = columns; at < fields.size(); ++at) fields[columns - 1] += " " + fields[at];
  fields.resize(columns);
  table.rows.push_back(std::move(fields));
}

std::int64_t parse_pid(const std::string& text) {
  std::int64_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error == std::errc{} && end == text.data() + text.size()) return pid;
  throw Error{Errc::invalid, "Unexpected pid '" + text + "': strconv.Atoi: parsing \"" + text + "\": invalid syntax"};
}

void check_ps_answer(const Answer& answer) {
  if (!answer.complete) throw Error{Errc::invalid, "ps: it says more than is taken"};
  if (WIFSIGNALED(answer.status)) {
    throw Error{Errc::invalid, "ps: ended by signal " + std::to_string(WTERMSIG(answer.status))};
  }
  if (!answer.refused()) return;
  const std::string why = answer.complaint.substr(0, answer.complaint.find('\n'));
  throw Error{Errc::invalid, why.empty() ? "ps: exit status " + std::to_string(WEXITSTATUS(answer.status)) : why};
}

}  // namespace

// As dockerd's \s+(\S*)=\s*(PID\S*), in one pass.
void check_ps_arguments(const std::string& arguments) {
  if (arguments.size() > 4096) throw Error{Errc::invalid, "ps: error: argument list too long"};
  const std::string_view text{arguments};
  for (std::size_t at = text.find_first_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t begin = std::min(text.find_first_not_of(kBlanks, at), text.size());
    at = text.find_first_of(kBlanks, begin);
    const std::string_view word = text.substr(begin, at - begin);
    std::size_t equals = word.rfind("=PID");
    std::string_view pid = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (word.ends_with('=')) {
      const std::string_view next = text.substr(std::min(text.find_first_not_of(kBlanks, at), text.size()));
      if (next.starts_with("PID")) {
        equals = word.size() - 1;
        pid = next.substr(0, next.find_first_of(kBlanks));
      }
    }
    if (pid.empty()) continue;
    throw Error{Errc::invalid,
                "specifying \"" + std::string{word.substr(0, equals)} + "=" + std::string{pid} + "\" is not allowed"};
  }
}

Processes parse_ps_output(const std::string& output, const std::vector<std::int64_t>& pids) {
  Processes table;
  std::size_t at = std::min(output.find('\n'), output.size());
  table.titles = fields_of(std::string_view{output}.substr(0, at));
  const auto title = std::find(table.titles.begin(), table.titles.end(), "PID");
  if (title == table.titles.end()) throw Error{Errc::invalid, "Couldn't find PID field in ps output"};
  const auto column = static_cast<std::size_t>(title - table.titles.begin());
  bool of_container = false;
  while (at < output.size()) {
    const std::size_t begin = at + 1;
    at = std::min(output.find('\n', begin), output.size());
    auto fields = fields_of(std::string_view{output}.substr(begin, at - begin));
    if (fields.size() <= column) continue;
    // The lines of its threads follow a process.
    if (fields[column] != "-") {
      of_container = std::find(pids.begin(), pids.end(), parse_pid(fields[column])) != pids.end();
    }
    if (of_container) add_row(table, std::move(fields));
  }
  return table;
}

std::optional<Processes> ask_ps(const std::string& arguments, const std::vector<std::int64_t>& pids) {
  const std::vector<std::string> words = split_at_spaces(arguments);
  std::string list = "-q";
  for (const std::int64_t pid : pids) list += (list.size() > 2 ? "," : "") + std::to_string(pid);
  std::vector<std::string> with_pids = words;
  with_pids.push_back(list);
  auto answer = run_ps(std::move(with_pids));
  // Some options cannot be used together with -q.
  if (answer && answer->refused()) answer = run_ps(words);
  if (!answer) return std::nullopt;
  check_ps_answer(*answer);
  return parse_ps_output(answer->output, pids);
}

}  // namespace gantry::containers
