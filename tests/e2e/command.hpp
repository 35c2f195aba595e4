#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::e2e {

/// What a command left.
struct Result {
  int code{};  ///< As a shell has it: 128+n for signal n.
  std::string out;
  std::string err;

  /// The first line of the output.
  [[nodiscard]] std::string line() const;
  [[nodiscard]] std::vector<std::string> lines() const;
};

using Environment = std::map<std::string, std::string>;

/// Runs `script` by /bin/sh and waits for it; one that takes longer than `limit` is killed and fails the test.
Result shell(const std::string& script, const Environment& environment = {}, const std::string& input = {},
             std::chrono::seconds limit = std::chrono::seconds{60});

/// A command that goes on while the test does other things. Killed when it goes out of scope.
class Background {
 public:
  /// `terminal`: its standard streams are a pseudo-terminal of 24 x 80, else pipes (stderr joined to stdout).
  Background(const std::string& script, const Environment& environment, bool terminal);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void type(const std::string& text);
  void close_input();
  void resize(unsigned short rows, unsigned short columns);

  /// Reads until the output holds `text` (from where the last call of it stopped); false if it ends or takes too long.
  bool wait_for(const std::string& text, std::chrono::seconds limit = std::chrono::seconds{20});

  /// Waits for the end; the code as a shell has it, -1 if it takes too long.
  int wait(std::chrono::seconds limit = std::chrono::seconds{20});

  void signal(int number);
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  bool read_some(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  UniqueFd input_;
  UniqueFd output_fd_;
  UniqueFd pid_fd_;
  std::string output_;
  std::size_t seen_ = 0;
  bool terminal_ = false;
};

}  // namespace gantry::e2e
