#include "containers/log_options.hpp"

#include <regex.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "containers/log_tag.hpp"
#include "containers/validate.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

[[noreturn]] void refuse_log(const std::string& message) { throw Error{Errc::invalid, message}; }

const std::string* option_of(const wire::LogConfig& log, const char* name) {
  const auto found = log.config.find(name);
  return found == log.config.end() ? nullptr : &found->second;
}

int parse_count(const std::string& text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    refuse_log("strconv.Atoi: parsing \"" + text + "\": invalid syntax");
  }
  constexpr int kMostFiles = 1000;  // the reader of logs looks for no more
  if (count > kMostFiles) refuse_log("invalid value for max-file: '" + text + "'");
  return count;
}

bool parse_switch(const std::string& text) {
  static const std::set<std::string> yes{"1", "t", "T", "true", "TRUE", "True"};
  static const std::set<std::string> no{"0", "f", "F", "false", "FALSE", "False"};
  if (yes.contains(text)) return true;
  if (!no.contains(text)) refuse_log("strconv.ParseBool: parsing \"" + text + "\": invalid syntax");
  return false;
}

// What Go's %w does: the same failure, told with its place.
template <class Parse>
auto with_place(const std::string& place, Parse parse) {
  try {
    return parse();
  } catch (const Error& error) {
    refuse_log(place + error.what());
  }
}

void build_json_file(const wire::LogConfig& log, runtime::v1::Stdio& stdio) {
  int files = 5;
  if (const auto* size = option_of(log, "max-size")) {
    files = 1;
    // Ours: as dockerd's json-file without the option.
    const bool unlimited = *size == "-1";
    stdio.log_max_size = unlimited ? 0 : parse_human_size(*size);
    if (!unlimited && stdio.log_max_size == 0) refuse_log("max-size must be a positive number");
  }
  if (const auto* count = option_of(log, "max-file")) {
    files = parse_count(*count);
    if (files < 1) refuse_log("max-file cannot be less than 1");
  }
  if (const auto* compress = option_of(log, "compress"); compress != nullptr && parse_switch(*compress)) {
    if (files == 1 || option_of(log, "max-size") == nullptr) {
      refuse_log("compress cannot be true when max-file is less than 2 or max-size is not set");
    }
  }
  stdio.log_max_files = static_cast<std::uint32_t>(files);
}

void build_local(const wire::LogConfig& log, runtime::v1::Stdio& stdio) {
  int files = 5;
  bool compress = false;
  if (const auto* size = option_of(log, "max-size")) {
    const bool unlimited = *size == "-1";
    stdio.log_max_size =
        unlimited ? 0
                  : with_place("invalid value for max-size: " + *size + ": ", [&] { return parse_human_size(*size); });
    if (unlimited) files = 1;
    if (!unlimited && stdio.log_max_size == 0) refuse_log("max size should be a positive number");
  }
  if (const auto* count = option_of(log, "max-file")) {
    files = with_place("invalid value for max-file: " + *count + ": ", [&] { return parse_count(*count); });
  }
  if (const auto* wanted = option_of(log, "compress")) {
    compress = with_place("error reading compress log option: ", [&] { return parse_switch(*wanted); });
  }
  if (files < 1) files = 1;
  if (files == 1 && (compress || option_of(log, "compress") == nullptr) && option_of(log, "max-file") != nullptr) {
    refuse_log("compression cannot be enabled when max file count is 1");
  }
  stdio.log_max_files = static_cast<std::uint32_t>(files);
}

std::set<std::string> words_of(const std::string* list) {
  std::set<std::string> words;
  for (std::size_t at = 0; list != nullptr && at < list->size();) {
    const std::size_t end = std::min(list->find(',', at), list->size());
    if (end > at) words.insert(list->substr(at, end - at));
    at = end + 1;
  }
  return words;
}

class Pattern {
 public:
  explicit Pattern(const std::string* text) {
    if (text == nullptr || text->empty()) return;
    if (const int error = ::regcomp(&regex_, text->c_str(), REG_EXTENDED | REG_NOSUB); error != 0) {
      char why[128];
      ::regerror(error, &regex_, why, sizeof why);
      refuse_log("error parsing regexp: " + std::string(why) + ": `" + *text + "`");
    }
    compiled_ = true;
  }
  ~Pattern() {
    if (compiled_) ::regfree(&regex_);
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  [[nodiscard]] bool fits(const std::string& text) const {
    return compiled_ && ::regexec(&regex_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t regex_{};
  bool compiled_ = false;
};

constexpr const char* kLogPrefix = "failed to create task for container: failed to initialize logging driver: ";

}  // namespace

std::uint64_t parse_human_size(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string unit(end, text.data() + text.size());
  if (unit.starts_with(' ')) unit.erase(0, 1);
  for (char& c : unit) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  constexpr std::string_view kUnits = "kmgtp";
  int power = 0;
  if (!unit.empty() && kUnits.find(unit.front()) != std::string_view::npos) {
    power = static_cast<int>(kUnits.find(unit.front())) + 1;
    unit.erase(0, 1);
  }
  const bool known = unit.empty() || unit == "b" || (power > 0 && (unit == "i" || unit == "ib"));
  if (error != std::errc{} || number < 0 || !known) refuse_log("invalid size: '" + text + "'");
  return static_cast<std::uint64_t>(number * std::pow(1000.0, power));
}

void validate_log(const wire::LogConfig& log, std::vector<std::string>& warnings) {
  if (log.type.empty() || log.type == "default" || log.type == "none") return;
  const std::string* const mode = option_of(log, "mode");
  if (mode != nullptr && !mode->empty() && *mode != "blocking" && *mode != "non-blocking") {
    refuse_log("logger: logging mode not supported: " + *mode);
  }
  if (const auto* size = option_of(log, "max-buffer-size")) {
    if (mode == nullptr || *mode != "non-blocking") {
      refuse_log("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    }
    (void)with_place("error parsing option max-buffer-size: ", [&] { return parse_human_size(*size); });
  }
  const bool local = log.type == "local";
  if (!local && log.type != "json-file") {
    refuse_log("error looking up logging plugin " + log.type + ": plugin \"" + log.type + "\" not found");
  }
  static const std::set<std::string> common{"max-size", "max-file", "compress", "mode", "max-buffer-size"};
  static const std::set<std::string> more{"labels", "labels-regex", "env", "env-regex", "tag"};
  for (const auto& [option, value] : log.config) {
    if (common.contains(option) || (!local && more.contains(option))) continue;
    refuse_log("unknown log opt '" + option + "' for " + (local ? "log driver local" : "json-file log driver"));
  }
  if (const auto* compress = option_of(log, "compress"); compress != nullptr && !local && *compress == "true") {
    warnings.emplace_back("Log files are not compressed by this daemon: log opt 'compress' has no effect");
  }
}

std::map<std::string, std::string> log_attributes(const Container& container) {
  const wire::LogConfig& log = container.host_config.log_config;
  std::map<std::string, std::string> attributes;
  const auto labels = words_of(option_of(log, "labels"));
  const Pattern label_pattern(option_of(log, "labels-regex"));
  for (const auto& [name, value] : container.config.labels) {
    if (labels.contains(name) || label_pattern.fits(name)) attributes[name] = value;
  }
  const auto names = words_of(option_of(log, "env"));
  const Pattern name_pattern(option_of(log, "env-regex"));
  for (const std::string& variable : container.config.env) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = variable.substr(0, equals);
    if (names.contains(name) || name_pattern.fits(name)) attributes[name] = variable.substr(equals + 1);
  }
  if (const auto* tag = option_of(log, "tag"); tag != nullptr && !tag->empty()) {
    attributes["tag"] = log_tag(*tag, container);
  }
  return attributes;
}

void build_log(const Container& container, runtime::v1::Spec& spec) {
  if (container.log_path.empty()) return;
  runtime::v1::Stdio& stdio = spec.stdio;
  const wire::LogConfig& log = container.host_config.log_config;
  stdio.log_path = container.log_path;
  // dockerd's json-file keeps everything and fills the disk one day: here that has to be asked for.
  stdio.log_max_size = std::uint64_t{20} << 20;
  stdio.log_max_files = 5;
  with_place(kLogPrefix, [&] {
    log.type == "local" ? build_local(log, stdio) : build_json_file(log, stdio);
    const auto attributes = log_attributes(container);
    if (attributes.empty()) return;
    using Json = nlohmann::json;
    spec.log_attributes = Json(attributes).dump(-1, ' ', false, Json::error_handler_t::replace);
  });
}

}  // namespace gantry::containers
