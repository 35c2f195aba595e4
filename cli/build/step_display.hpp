#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// Shows a build's steps as they go, several at once, as BuildKit's clients do: on a terminal a block that is drawn
/// anew, elsewhere lines that begin with the step's number.
class StepDisplay {
 public:
  using Write = std::function<void(std::string_view)>;
  /// `columns`: the terminal's width, 0 if it is none.
  StepDisplay(Write write, unsigned columns, unsigned rows);

  /// Takes a report ("aux" of a message with the id "gantry.step").
  void take(const Json& report);
  /// The build is over.
  void finish();

  /// The lines of the Dockerfile that failed; empty if the daemon has told none.
  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  struct Warning {
    std::string text;
    std::string explanation;  ///< What it means, with the lines of the Dockerfile; empty: it came without.
  };
  [[nodiscard]] const std::vector<Warning>& warnings() const noexcept { return warnings_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class State { running, done, cached, failed, cancelled };
  struct Step {
    std::size_t number{};  ///< From 1, in the order of their beginnings.
    std::string name;
    State state{State::running};
    Clock::time_point begun;
    double seconds{};
    std::string output;  ///< Its last lines; whole lines have been printed where there is no terminal.
    std::string all;     ///< What is shown again if it fails.
  };

  void end(Step& step, State state, const std::string& why);
  void print_lines(Step& step, std::string_view text);
  void print_end(const Step& step, const std::string& why);
  void draw();
  [[nodiscard]] std::string fitted(const std::string& left, const std::string& right) const;

  Write write_;
  unsigned columns_;
  unsigned rows_;
  Clock::time_point begun_ = Clock::now();
  std::map<std::size_t, Step> steps_;
  std::size_t drawn_ = 0;
  std::size_t last_printed_ = 0;
  std::string source_;
  std::vector<Warning> warnings_;
};

}  // namespace gantry::cli
