#include "images/config_changes.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

[[noreturn]] void refuse_change(const std::string& why) { throw Error{Errc::invalid, why}; }

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Splits at blanks, with quotes and backslashes as a Dockerfile has them.
std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  char quote = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && quote != '\'' && at + 1 < text.size()) {
      word += text[++at];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (in_word) out.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) refuse_change("unexpected end of statement while looking for matching quote");
  if (in_word) out.push_back(std::move(word));
  return out;
}

/// ["a", "b"] as it is; anything else for a shell.
std::vector<std::string> command(std::string_view text, const ImageConfig& config) {
  const auto list = nlohmann::json::parse(text, nullptr, false);
  if (list.is_array() && std::all_of(list.begin(), list.end(), [](const auto& item) { return item.is_string(); })) {
    return list.get<std::vector<std::string>>();
  }
  std::vector<std::string> out = config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
  out.emplace_back(text);
  return out;
}

/// "A=b C=d", or the old "A b c".
std::vector<std::pair<std::string, std::string>> assignments(std::string_view text, const std::string& instruction) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto parts = words(text);
  if (!parts.empty() && parts.front().find('=') == std::string::npos) {
    const auto blank = text.find_first_of(" \t");
    if (blank == std::string_view::npos) refuse_change(instruction + " must have two arguments");
    return {{parts.front(), std::string{trimmed(text.substr(blank))}}};
  }
  for (const std::string& part : parts) {
    const auto equals = part.find('=');
    if (equals == std::string::npos)
      refuse_change("Syntax error - can't find = in \"" + part + "\". Must be of the form: name=value");
    out.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  return out;
}

void set_env(ImageConfig& config, const std::string& name, const std::string& value) {
  const std::string start = name + "=";
  const auto found = std::find_if(config.env.begin(), config.env.end(),
                                  [&](const std::string& item) { return item.starts_with(start); });
  if (found != config.env.end()) {
    *found = start + value;
  } else {
    config.env.push_back(start + value);
  }
}

// "80", "80/udp", "80-90".
void check_port(const std::string& port) {
  const std::string numbers = port.substr(0, port.find('/'));
  const bool right = !numbers.empty() && std::all_of(numbers.begin(), numbers.end(),
                                                     [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
  if (!right) refuse_change("Invalid containerPort: " + numbers);
}

void add_new(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

std::vector<std::string> list_of(std::string_view text) {
  const auto list = nlohmann::json::parse(text, nullptr, false);
  return list.is_array() ? list.get<std::vector<std::string>>() : words(text);
}

/// "1m30s" in nanoseconds, as Go reads durations.
std::int64_t parse_duration(const std::string& text) {
  constexpr std::pair<std::string_view, double> units[]{{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                                        {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
  constexpr double limit = 9.223372036854775e18;
  const std::string quoted = "duration \"" + text + "\"";
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return 0;
  double total = rest.empty() ? limit : 0;
  while (!rest.empty() && total < limit) {
    // Neither exponents nor the names of what is no number, which from_chars takes as well.
    const std::string_view digits = rest.substr(0, rest.find_first_not_of("0123456789."));
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) refuse_change("time: invalid " + quoted);
    rest.remove_prefix(digits.size());
    const std::string unit(rest.substr(0, rest.find_first_of("0123456789.")));
    if (unit.empty()) refuse_change("time: missing unit in " + quoted);
    const auto* known =
        std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return u.first == unit; });
    if (known == std::end(units)) refuse_change("time: unknown unit \"" + unit + "\" in " + quoted);
    rest.remove_prefix(unit.size());
    total += number * known->second;
  }
  if (total >= limit) refuse_change("time: invalid " + quoted);
  return static_cast<std::int64_t>(negative ? -total : total);
}

std::int64_t health_time(const std::string& text, const std::string& flag) {
  constexpr std::int64_t millisecond = 1'000'000;
  const std::int64_t time = text.empty() ? 0 : parse_duration(text);
  if (time != 0 && time < millisecond) refuse_change("Interval \"" + flag + "\" cannot be less than 1ms");
  return time;
}

void set_health_flag(HealthConfig& health, const std::string& name, const std::string& value) {
  if (name == "interval") return void(health.interval = health_time(value, name));
  if (name == "timeout") return void(health.timeout = health_time(value, name));
  if (name == "start-period") return void(health.start_period = health_time(value, name));
  if (name == "start-interval") return void(health.start_interval = health_time(value, name));
  if (name != "retries") refuse_change("unknown flag: --" + name);
  int retries = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), retries);
  if (error != std::errc{} || end != value.data() + value.size()) {
    refuse_change("strconv.ParseInt: parsing \"" + value + "\": invalid syntax");
  }
  if (retries < 0) refuse_change("--retries cannot be negative (" + value + ")");
  health.retries = retries;
}

/// "--interval=5s CMD command" or "NONE".
void set_health(ImageConfig& config, const std::string& text) {
  HealthConfig health;
  std::string_view rest = text;
  const auto take_word = [&rest] {
    const auto blank = rest.find_first_of(" \t");
    const std::string word{rest.substr(0, blank)};
    rest = blank == std::string_view::npos ? std::string_view{} : trimmed(rest.substr(blank));
    return word;
  };
  while (rest.starts_with("--")) {
    const std::string flag = take_word().substr(2);
    const auto equals = flag.find('=');
    if (equals == std::string::npos) refuse_change("missing a value on flag: " + flag);
    set_health_flag(health, flag.substr(0, equals), flag.substr(equals + 1));
  }
  std::string kind = take_word();
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (kind == "NONE") {
    if (!rest.empty()) refuse_change("HEALTHCHECK NONE takes no arguments");
    health.test = {"NONE"};
  } else if (kind == "CMD") {
    if (rest.empty()) refuse_change("Missing command after HEALTHCHECK CMD");
    const auto list = nlohmann::json::parse(rest, nullptr, false);
    const auto is_text = [](const auto& item) { return item.is_string(); };
    if (list.is_array() && std::all_of(list.begin(), list.end(), is_text)) {
      health.test = list.get<std::vector<std::string>>();
      health.test.insert(health.test.begin(), "CMD");
    } else {
      health.test = {"CMD-SHELL", std::string(rest)};
    }
  } else {
    refuse_change("Unknown type \"" + kind + "\" in HEALTHCHECK (try CMD)");
  }
  config.healthcheck = health;
}

using Instruction = std::function<void(ImageConfig&, const std::string&)>;

const std::map<std::string, Instruction>& instructions() {
  static const std::map<std::string, Instruction> table{
      {"CMD", [](ImageConfig& config, const std::string& text) { config.cmd = command(text, config); }},
      {"ENTRYPOINT", [](ImageConfig& config, const std::string& text) { config.entrypoint = command(text, config); }},
      {"ENV",
       [](ImageConfig& config, const std::string& text) {
         for (const auto& [name, value] : assignments(text, "ENV")) set_env(config, name, value);
       }},
      {"EXPOSE",
       [](ImageConfig& config, const std::string& text) {
         for (const std::string& port : words(text)) {
           check_port(port);
           add_new(config.exposed_ports, port.find('/') == std::string::npos ? port + "/tcp" : port);
         }
       }},
      {"HEALTHCHECK", set_health},
      {"LABEL",
       [](ImageConfig& config, const std::string& text) {
         for (const auto& [name, value] : assignments(text, "LABEL")) config.labels[name] = value;
       }},
      {"ONBUILD", [](ImageConfig& config, const std::string& text) { config.on_build.push_back(text); }},
      {"STOPSIGNAL", [](ImageConfig& config, const std::string& text) { config.stop_signal = text; }},
      {"USER", [](ImageConfig& config, const std::string& text) { config.user = text; }},
      {"VOLUME",
       [](ImageConfig& config, const std::string& text) {
         for (const std::string& path : list_of(text)) add_new(config.volumes, path);
       }},
      {"WORKDIR",
       [](ImageConfig& config, const std::string& text) {
         const std::string base = config.working_dir.empty() ? "/" : config.working_dir + "/";
         config.working_dir = text.starts_with('/') ? text : base + text;
       }},
  };
  return table;
}

}  // namespace

namespace {

// The instructions of a Dockerfile, as dockerd takes all changes together for one: a line that ends with a backslash
// goes on with the next.
std::vector<std::string> instructions_of(const std::vector<std::string>& changes) {
  std::vector<std::string> out;
  std::string whole;
  for (const std::string& change : changes) {
    std::istringstream lines(change);
    for (std::string line; std::getline(lines, line);) {
      const std::string_view text = trimmed(line);
      if (text.empty() || text.front() == '#') continue;
      const bool goes_on = text.back() == '\\';
      whole += text.substr(0, text.size() - (goes_on ? 1 : 0));
      if (goes_on) continue;
      out.push_back(std::move(whole));
      whole.clear();
    }
  }
  if (!whole.empty()) out.push_back(std::move(whole));
  return out;
}

}  // namespace

void apply_changes(ImageConfig& config, const std::vector<std::string>& changes) {
  const std::vector<std::string> instructions_given = instructions_of(changes);
  if (!changes.empty() && instructions_given.empty()) refuse_change("file with no instructions");
  for (const std::string& change : instructions_given) {
    const std::string_view line = trimmed(change);
    const auto blank = line.find_first_of(" \t");
    std::string name{line.substr(0, blank)};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const auto found = instructions().find(name);
    if (found == instructions().end()) refuse_change(name + " is not a valid change command");
    const std::string text{blank == std::string_view::npos ? std::string_view{} : trimmed(line.substr(blank))};
    if (text.empty()) refuse_change(name + " requires at least one argument");
    found->second(config, text);
  }
}

}  // namespace gantry::images
