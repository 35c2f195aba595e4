#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::containers {

/// ContainerLogs' parameters.
struct LogRequest {
  bool stdout_wanted{};
  bool stderr_wanted{};
  bool follow{};
  std::optional<std::uint64_t> tail;  ///< The last so many entries.
  Nanoseconds since{};                ///< 0: from the beginning.
  Nanoseconds until{};                ///< 0: no end.
};

/// One line, or a part of a long one.
struct LogEntry {
  std::string text;  ///< With its line feed, unless it is a part.
  bool from_stderr{};
  std::string time;  ///< As it was logged: RFC 3339.
  std::map<std::string, std::string> attributes;
};

/// Reads a container's log in Docker's json-file format through its rotations: `path`, before it `path`.1, .2 and so
/// on. Blocks; used by one thread at a time.
class LogReader {
 public:
  LogReader(std::string path, LogRequest request);

  /// The next entries that match, some tens of kilobytes of them; none at the present end.
  std::vector<LogEntry> next();

  /// Whether `until` has passed: nothing more will match.
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  void open_at_tail(std::uint64_t lines);
  bool open_oldest();
  bool open_next();  ///< After a rotation; false if this is the newest file.
  bool read_block();
  bool seek_if_cleared();
  void take_lines(std::vector<LogEntry>& out);
  void parse(std::string_view line, std::vector<LogEntry>& out);
  [[nodiscard]] std::string name(std::size_t age) const;

  std::string path_;
  LogRequest request_;
  UniqueFd file_;
  std::string pending_;  ///< The start of a line whose end is not written yet.
  bool finished_{};
};

}  // namespace gantry::containers
