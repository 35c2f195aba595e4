#include "containers/process_table.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/file.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

struct Named {
  const char* name;
  PsColumn column;
  const char* title;
};

constexpr std::array<Named, 30> kColumns{{
    {"pid", PsColumn::pid, "PID"},       {"ppid", PsColumn::ppid, "PPID"},    {"user", PsColumn::user, "USER"},
    {"euser", PsColumn::user, "EUSER"},  {"uid", PsColumn::uid, "UID"},       {"euid", PsColumn::uid, "EUID"},
    {"c", PsColumn::cpu, "C"},           {"stime", PsColumn::stime, "STIME"}, {"start", PsColumn::start, "STARTED"},
    {"tty", PsColumn::tty, "TT"},        {"tname", PsColumn::tty, "TTY"},     {"time", PsColumn::time, "TIME"},
    {"cputime", PsColumn::time, "TIME"}, {"cmd", PsColumn::cmd, "CMD"},       {"command", PsColumn::args, "COMMAND"},
    {"args", PsColumn::args, "COMMAND"}, {"comm", PsColumn::comm, "COMMAND"}, {"ucmd", PsColumn::comm, "CMD"},
    {"stat", PsColumn::stat, "STAT"},    {"s", PsColumn::stat, "S"},          {"state", PsColumn::stat, "S"},
    {"vsz", PsColumn::vsz, "VSZ"},       {"rss", PsColumn::rss, "RSS"},       {"pcpu", PsColumn::pcpu, "%CPU"},
    {"%cpu", PsColumn::pcpu, "%CPU"},    {"pmem", PsColumn::pmem, "%MEM"},    {"%mem", PsColumn::pmem, "%MEM"},
    {"ni", PsColumn::nice, "NI"},        {"pgid", PsColumn::pgid, "PGID"},    {"nlwp", PsColumn::threads, "NLWP"},
}};

struct Process {
  std::int64_t pid{};
  unsigned uid{};
  std::string comm;
  std::string command;
  char state{};
  long ppid{}, pgid{}, sid{}, tty{}, nice{}, threads{};
  unsigned long ticks{}, vsize{};
  long rss{};
  unsigned long long start_ticks{};
};

std::optional<Process> read_process(std::int64_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return std::nullopt;
  Process process;
  process.pid = pid;
  process.uid = status.st_uid;
  std::string text;
  try {
    text = read_file(folder + "/stat");
    process.command = read_file(folder + "/cmdline");
  } catch (const Error&) {
    return std::nullopt;
  }
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  process.comm = text.substr(open + 1, close - open - 1);
  std::istringstream fields(text.substr(close + 1));
  unsigned long user = 0;
  unsigned long system = 0;
  long long skipped = 0;
  fields >> process.state >> process.ppid >> process.pgid >> process.sid >> process.tty;
  for (int field = 8; field <= 13; ++field) fields >> skipped;
  fields >> user >> system >> skipped >> skipped >> skipped >> process.nice >> process.threads >> skipped >>
      process.start_ticks >> process.vsize >> process.rss;
  process.ticks = user + system;
  while (!process.command.empty() && process.command.back() == '\0') process.command.pop_back();
  std::replace(process.command.begin(), process.command.end(), '\0', ' ');
  if (process.command.empty()) process.command = "[" + process.comm + "]";
  return process;
}

std::string user_name(unsigned uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return std::to_string(uid);
}

std::string tty_name(long device) {
  if (device == 0) return "?";
  const auto number = static_cast<dev_t>(device);
  if (::major(number) >= 136 && ::major(number) <= 143) return "pts/" + std::to_string(::minor(number));
  return "tty" + std::to_string(::minor(number));
}

struct Clock {
  long ticks = ::sysconf(_SC_CLK_TCK);
  long page = ::sysconf(_SC_PAGESIZE);
  double uptime{};
  double memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(page);

  Clock() { std::ifstream("/proc/uptime") >> uptime; }
};

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

std::string start_text(const Process& process, const Clock& clock) {
  const double age = clock.uptime - static_cast<double>(process.start_ticks) / static_cast<double>(clock.ticks);
  const std::time_t began = std::time(nullptr) - static_cast<std::time_t>(age);
  std::tm parts{};
  ::localtime_r(&began, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), age < 86400 ? "%H:%M" : "%b%d", &parts);
  return text.data();
}

std::string cell(PsColumn column, const Process& process, const Clock& clock) {
  const double seconds = static_cast<double>(process.ticks) / static_cast<double>(clock.ticks);
  const double age =
      std::max(clock.uptime - static_cast<double>(process.start_ticks) / static_cast<double>(clock.ticks), 0.01);
  const auto whole = static_cast<long>(seconds);
  switch (column) {
    case PsColumn::user:
      return user_name(process.uid);
    case PsColumn::uid:
      return std::to_string(process.uid);
    case PsColumn::pid:
      return std::to_string(process.pid);
    case PsColumn::ppid:
      return std::to_string(process.ppid);
    case PsColumn::cpu:
      return std::to_string(static_cast<long>(std::min(seconds * 100 / age, 99.0)));
    case PsColumn::stime:
    case PsColumn::start:
      return start_text(process, clock);
    case PsColumn::tty:
      return tty_name(process.tty);
    case PsColumn::time:
      return format("%02ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    case PsColumn::cmd:
    case PsColumn::args:
      return process.command;
    case PsColumn::comm:
      return process.comm;
    case PsColumn::stat:
      return std::string(1, process.state);
    case PsColumn::vsz:
      return std::to_string(process.vsize / 1024);
    case PsColumn::rss:
      return std::to_string(process.rss * clock.page / 1024);
    case PsColumn::pcpu:
      return format("%.1f", seconds * 100 / age);
    case PsColumn::pmem:
      return format("%.1f", static_cast<double>(process.rss * clock.page) * 100 / clock.memory);
    case PsColumn::nice:
      return std::to_string(process.nice);
    case PsColumn::pgid:
      return std::to_string(process.pgid);
    case PsColumn::sid:
      return std::to_string(process.sid);
    case PsColumn::threads:
      return std::to_string(process.threads);
  }
  return {};
}

PsFormat full_format() {
  return {{PsColumn::user, PsColumn::pid, PsColumn::ppid, PsColumn::cpu, PsColumn::stime, PsColumn::tty, PsColumn::time,
           PsColumn::cmd},
          {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}};
}

PsFormat bsd_format() {
  return {{PsColumn::user, PsColumn::pid, PsColumn::pcpu, PsColumn::pmem, PsColumn::vsz, PsColumn::rss, PsColumn::tty,
           PsColumn::stat, PsColumn::start, PsColumn::time, PsColumn::args},
          {"USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"}};
}

void add_column(PsFormat& format_, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const auto* found =
      std::find_if(kColumns.begin(), kColumns.end(), [&](const Named& known) { return name == known.name; });
  if (found == kColumns.end()) {
    throw Error{Errc::invalid, "ps: error: unknown user-defined format specifier \"" + name + "\""};
  }
  format_.columns.push_back(found->column);
  format_.titles.push_back(equals == std::string::npos ? found->title : text.substr(equals + 1));
}

}  // namespace

PsFormat parse_ps_arguments(const std::string& arguments) {
  std::istringstream words(arguments);
  std::vector<std::string> given;
  for (std::string word; words >> word;) given.push_back(word);
  if (given.empty()) return full_format();
  PsFormat chosen;
  for (std::size_t at = 0; at < given.size(); ++at) {
    std::string word = given[at];
    if (word == "-o" || word == "o" || word == "-eo" || word == "-Ao" || word == "-axo" || word == "axo") {
      if (++at == given.size()) throw Error{Errc::invalid, "ps: error: format specification must follow -o"};
      std::istringstream list(given[at]);
      for (std::string name; std::getline(list, name, ',');) add_column(chosen, name);
    } else if (word == "-ef" || word == "-f" || word == "-fe" || word == "-eaf") {
      chosen = full_format();
    } else if (word == "aux" || word == "-aux" || word == "u" || word == "auxw" || word == "auxww") {
      chosen = bsd_format();
    } else if (word != "-e" && word != "-A" && word != "ax" && word != "-ax") {
      throw Error{Errc::invalid, "ps: error: unsupported option \"" + word + "\": -ef, aux and -o are known"};
    }
  }
  if (chosen.columns.empty()) {
    for (const char* name : {"pid", "tname", "time", "ucmd"}) add_column(chosen, name);
  }
  if (std::find(chosen.columns.begin(), chosen.columns.end(), PsColumn::pid) == chosen.columns.end()) {
    throw Error{Errc::invalid, "Couldn't find PID field in ps output"};
  }
  return chosen;
}

Processes read_processes(const PsFormat& chosen, const std::vector<std::int64_t>& pids) {
  Processes table;
  table.titles = chosen.titles;
  const Clock clock;
  std::vector<std::int64_t> ordered = pids;
  std::sort(ordered.begin(), ordered.end());
  for (const std::int64_t pid : ordered) {
    const auto process = read_process(pid);
    if (!process) continue;
    std::vector<std::string> row;
    for (const PsColumn column : chosen.columns) row.push_back(cell(column, *process, clock));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace gantry::containers
