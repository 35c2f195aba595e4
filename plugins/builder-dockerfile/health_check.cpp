#include "flags.hpp"
#include "instruction.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

std::int64_t take_interval(Flags& flags, const std::string& name) {
  const std::string text = flags.text(name);
  if (text.empty()) return 0;
  const std::int64_t value = parse_duration(text);
  if (value < 0) throw Error{Errc::invalid, "negative duration for --" + name + ": " + text};
  if (value != 0 && value < 1'000'000) {
    throw Error{Errc::invalid, "Interval " + quote(name) + " cannot be less than 1ms"};
  }
  return value;
}

int take_retries(Flags& flags) {
  const std::string text = flags.text("retries");
  if (text.empty()) return 0;
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (*end != '\0') throw Error{Errc::invalid, "strconv.ParseInt: parsing " + quote(text) + ": invalid syntax"};
  if (value < 0) throw Error{Errc::invalid, "--retries cannot be negative (" + text + ")"};
  return static_cast<int>(std::min<long>(value, 1'000'000));
}

/// How Go prints the structure with %q, which is what dockerd writes into the history.
std::string show(const builder::v1::HealthCheck& check) {
  std::string out = "&{[";
  for (const std::string& word : check.test) out += (&word == &check.test.front() ? "" : " ") + quote(word);
  out += "]";
  for (const std::int64_t time : {check.interval, check.timeout, check.start_period, check.start_interval}) {
    out += " " + quote(show_duration(time));
  }
  const int c = check.retries;
  // As Go shows a character: the control characters from 7 on have letters.
  constexpr std::string_view kLetters = "abtnvfr";
  if (c >= 7 && c < 14) return out + " '\\" + kLetters[static_cast<std::size_t>(c) - 7] + "'}";
  char shown[16];
  std::snprintf(shown, sizeof shown, c >= 0x20 && c < 0x7f ? " '%c'" : " '\\x%02x'", static_cast<unsigned>(c));
  return out + shown + "}";
}

}  // namespace

HealthCheck parse_health_check(const Node& node, Flags& flags) {
  const auto blank = std::min(node.rest.find_first_of(" \t"), node.rest.size());
  const std::string type = upper(node.rest.substr(0, blank));
  const std::string_view rest = trim(std::string_view{node.rest}.substr(blank));
  if (type.empty()) throw Error{Errc::invalid, "HEALTHCHECK requires at least one argument"};
  HealthCheck out;
  if (type == "NONE") {
    if (!rest.empty()) throw Error{Errc::invalid, "HEALTHCHECK NONE takes no arguments"};
    out.check.test = {"NONE"};
  } else if (type == "CMD") {
    if (rest.empty()) throw Error{Errc::invalid, "Missing command after HEALTHCHECK CMD"};
    std::vector<std::string> words;
    if (parse_json_list(rest, words)) {
      out.check.test = {"CMD"};
      out.check.test.insert(out.check.test.end(), words.begin(), words.end());
    } else {
      out.check.test = {"CMD-SHELL", std::string{rest}};
    }
    out.check.interval = take_interval(flags, "interval");
    out.check.timeout = take_interval(flags, "timeout");
    out.check.start_period = take_interval(flags, "start-period");
    out.check.start_interval = take_interval(flags, "start-interval");
    out.check.retries = take_retries(flags);
  } else {
    throw Error{Errc::invalid, "Unknown type " + quote(type) + " in HEALTHCHECK (try CMD)"};
  }
  out.shown = show(out.check);
  return out;
}

}  // namespace gantry::dockerfile
