#include "build/step_display.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace gantry::cli {
namespace {

constexpr std::size_t kShownLines = 6;
constexpr std::size_t kKeptOutput = std::size_t{64} << 10;

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", seconds);
  return text;
}

/// What a command says must not move the cursor.
std::string printable(std::string_view text) {
  std::string out;
  bool escape = false;
  for (const char c : text) {
    if (escape) {
      escape = !(c >= '@' && c <= '~') || c == '[';
    } else if (c == '\033') {
      escape = true;
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.push_back(printable(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

StepDisplay::StepDisplay(Write write, unsigned columns, unsigned rows)
    : write_(std::move(write)), columns_(columns), rows_(rows) {}

void StepDisplay::take(const Json& report) {
  const std::string kind = report.value("Kind", "");
  const std::string text = report.value("Text", "");
  if (kind == "source") {
    source_ = text;
    return;
  }
  if (kind == "warning") {
    const std::size_t end = text.find('\n');
    warnings_.push_back({text.substr(0, end), end == std::string::npos ? "" : text.substr(end + 1)});
    return;
  }
  Step& step = steps_[report.value("Step", std::size_t{})];
  if (kind == "started") {
    step.number = steps_.size();
    step.name = text;
    step.begun = Clock::now();
    if (columns_ == 0) write_("#" + std::to_string(step.number) + " " + text + "\n");
    last_printed_ = step.number;
  } else if (kind == "output") {
    step.all = (step.all + text).substr(step.all.size() + text.size() > kKeptOutput ? text.size() : 0);
    print_lines(step, text);
  } else if (kind == "cached") {
    end(step, State::cached, "");
  } else if (kind == "done") {
    end(step, State::done, "");
  } else if (kind == "failed") {
    end(step, State::failed, text);
  } else if (kind == "cancelled") {
    end(step, State::cancelled, "");
  }
  if (columns_ > 0) draw();
}

void StepDisplay::end(Step& step, State state, const std::string& why) {
  step.state = state;
  step.seconds = std::chrono::duration<double>(Clock::now() - step.begun).count();
  if (columns_ == 0) print_end(step, why);
}

void StepDisplay::print_lines(Step& step, std::string_view text) {
  step.output += text;
  if (columns_ > 0) {
    if (step.output.size() > kKeptOutput) step.output.erase(0, step.output.size() - kKeptOutput);
    return;
  }
  const std::string number = "#" + std::to_string(step.number);
  if (last_printed_ != step.number) write_("\n" + number + " " + step.name + "\n");
  last_printed_ = step.number;
  for (std::size_t at = 0; (at = step.output.find('\n')) != std::string::npos; step.output.erase(0, at + 1)) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, " %.3f ", std::chrono::duration<double>(Clock::now() - step.begun).count());
    write_(number + seconds + printable(std::string_view{step.output}.substr(0, at)) + "\n");
  }
}

void StepDisplay::print_end(const Step& step, const std::string& why) {
  const std::string number = "#" + std::to_string(step.number) + " ";
  if (!step.output.empty()) write_(number + printable(step.output) + "\n");
  if (last_printed_ != step.number) write_("\n" + number + step.name + "\n");
  last_printed_ = step.number;
  switch (step.state) {
    case State::cached:
      return write_(number + "CACHED\n\n");
    case State::failed:
      return write_(number + "ERROR: " + why + "\n");
    case State::cancelled:
      return write_(number + "CANCELED\n\n");
    default:
      return write_(number + "DONE " + seconds_text(step.seconds) + "\n\n");
  }
}

std::string StepDisplay::fitted(const std::string& left, const std::string& right) const {
  const std::size_t room = columns_ > right.size() + 2 ? columns_ - right.size() - 1 : 0;
  std::string out = left.size() > room && room > 3 ? left.substr(0, room - 3) + "..." : left.substr(0, room);
  out.resize(room, ' ');
  return out + right;
}

void StepDisplay::draw() {
  std::vector<std::string> lines;
  std::size_t ended = 0;
  for (const auto& [key, step] : steps_) ended += step.state == State::running ? 0 : 1;
  const auto now = Clock::now();
  for (const auto& [key, step] : steps_) {
    const bool runs = step.state == State::running;
    const double seconds = runs ? std::chrono::duration<double>(now - step.begun).count() : step.seconds;
    const char* mark = step.state == State::failed      ? " => ERROR "
                       : step.state == State::cached    ? " => CACHED "
                       : step.state == State::cancelled ? " => CANCELED "
                                                        : " => ";
    lines.push_back(fitted(mark + printable(step.name), seconds_text(seconds)));
    if (!runs) continue;
    const std::vector<std::string> said = lines_of(step.output);
    for (std::size_t at = said.size() - std::min(said.size(), kShownLines); at < said.size(); ++at) {
      lines.push_back(fitted(" => => " + said[at], ""));
    }
  }
  const std::size_t most = rows_ > 3 ? rows_ - 2 : std::size_t{1};
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  std::string out;
  if (drawn_ > 0) out = "\033[" + std::to_string(drawn_) + "A";
  out += "\r\033[J[+] Building " + seconds_text(std::chrono::duration<double>(now - begun_).count()) + " (" +
         std::to_string(ended) + "/" + std::to_string(steps_.size()) + ")\n";
  for (const std::string& line : lines) out += line + "\n";
  drawn_ = lines.size() + 1;
  write_(out);
}

void StepDisplay::finish() {
  if (columns_ == 0) return;
  if (!steps_.empty()) draw();
  // What was said is gone from the screen; of what failed it is told again.
  for (const auto& [key, step] : steps_) {
    if (step.state != State::failed || step.all.empty()) continue;
    write_("------\n > " + printable(step.name) + ":\n");
    for (const std::string& line : lines_of(step.all)) write_(line + "\n");
    write_("------\n");
  }
}

}  // namespace gantry::cli
