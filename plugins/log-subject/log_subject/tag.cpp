#include "log_subject/tag.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "log_subject/option_text.hpp"

namespace gantry::log_subject {

namespace {

using log::v1::Subject;

constexpr const char* kBlanks = " \t\r\n";

[[noreturn]] void refuse(const std::string& reason) { throw Error{Errc::invalid, "template: log-tag:1" + reason}; }

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string command_of(const Subject& subject) {
  std::string out;
  for (const std::string& word : subject.command) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::optional<std::string> field_of(const Subject& subject, const std::string& name) {
  if (name == "ID") return subject.id.substr(0, 12);
  if (name == "FullID" || name == "ContainerID") return subject.id;
  if (name == "Name") return subject.name;
  if (name == "ContainerName") return "/" + subject.name;
  if (name == "ImageID") return subject.image_id.substr(0, 12);
  if (name == "ImageFullID" || name == "ContainerImageID") return subject.image_id;
  if (name == "ImageName" || name == "ContainerImageName") return subject.image_name;
  if (name == "DaemonName") return subject.daemon_name;
  if (name == "Command") return command_of(subject);
  if (name == "Hostname") return host_name();
  return std::nullopt;
}

/// The words of one action; a text keeps its opening quote.
std::vector<std::string> split_words(std::string_view action) {
  std::vector<std::string> words;
  while (!action.empty()) {
    const char c = action.front();
    std::size_t length = 1;
    if (c == '"' || c == '`') {
      const std::size_t end = action.find(c, 1);
      if (end == std::string_view::npos) refuse(": unterminated quoted string");
      words.emplace_back("\"" + std::string{action.substr(1, end - 1)});
      length = end + 1;
    } else if (c == '|') {
      words.emplace_back("|");
    } else if (c != ' ' && c != '\t') {
      length = std::min(action.find_first_of(" \t|\"`"), action.size());
      words.emplace_back(action.substr(0, length));
    }
    action.remove_prefix(length);
  }
  return words;
}

std::string changed_letters(std::string text, int (*change)(int)) {
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

std::string title(std::string text) {
  bool first = true;
  for (char& c : text) {
    if (first) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    first = c == ' ';
  }
  return text;
}

/// One command of a pipeline: a function or a value. The pipe's text comes last, as Go has it.
class Action {
 public:
  Action(const Subject& subject, std::size_t column) : subject_(subject), column_(column) {}

  std::string run(std::string_view text) {
    std::vector<std::string> command;
    std::optional<std::string> value;
    for (const std::string& word : split_words(text)) {
      if (word != "|") {
        command.push_back(word);
        continue;
      }
      value = call(command, value);
      command.clear();
    }
    return call(command, value);
  }

 private:
  std::string call(const std::vector<std::string>& command, const std::optional<std::string>& piped) {
    if (command.empty()) refuse(": missing value for command");
    const std::string& name = command[0];
    if (name[0] == '.' || name[0] == '"') {
      if (command.size() > 1 || piped) refuse(": " + name + " is not a method but has arguments");
      return value_of(name);
    }
    if (name == "index") return label(command);
    std::vector<std::string> arguments;
    for (std::size_t i = 1; i < command.size(); ++i) arguments.push_back(value_of(command[i]));
    if (piped) arguments.push_back(*piped);
    const std::size_t wanted = name == "truncate" ? 2 : 1;
    const bool known = name == "upper" || name == "lower" || name == "title" || name == "truncate";
    if (!known) refuse(": function \"" + name + "\" not defined");
    if (arguments.size() != wanted) {
      refuse(": executing \"log-tag\" at <" + name + ">: wrong number of args for " + name + ": want " +
             std::to_string(wanted) + " got " + std::to_string(arguments.size()));
    }
    if (name == "upper") return changed_letters(arguments[0], std::toupper);
    if (name == "lower") return changed_letters(arguments[0], std::tolower);
    if (name == "title") return title(arguments[0]);
    const std::int64_t length = parse_count(arguments[1]);
    return length < 0 ? arguments[0] : arguments[0].substr(0, static_cast<std::size_t>(length));
  }

  std::string value_of(const std::string& word) const {
    if (word[0] == '"') return word.substr(1);
    if (word[0] != '.') {
      if (std::isdigit(static_cast<unsigned char>(word[0])) != 0) return word;
      refuse(": function \"" + word + "\" not defined");
    }
    if (auto value = field_of(subject_, word.substr(1))) return *value;
    refuse(":" + std::to_string(column_) + ": executing \"log-tag\" at <" + word + ">: can't evaluate field " +
           word.substr(1) + " in type *logger.Info");
  }

  std::string label(const std::vector<std::string>& command) const {
    const bool right = command.size() == 3 && command[1] == ".ContainerLabels" && command[2][0] == '"';
    if (!right) refuse(": executing \"log-tag\" at <index>: only index .ContainerLabels \"key\" is supported");
    return text_of(subject_.labels, command[2].substr(1));
  }

  const Subject& subject_;
  std::size_t column_;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string expand_tag(const std::string& pattern, const Subject& subject) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t open = pattern.find("{{", at);
    out += pattern.substr(at, open == std::string::npos ? open : open - at);
    if (open == std::string::npos) break;
    const std::size_t close = pattern.find("}}", open);
    if (close == std::string::npos) refuse(": unclosed action");
    std::string_view text = std::string_view(pattern).substr(open + 2, close - open - 2);
    at = close + 2;
    // "{{- " takes the blanks before it away, " -}}" those behind it.
    if (text.starts_with("- ")) {
      text.remove_prefix(2);
      out.erase(out.find_last_not_of(kBlanks) + 1);
    }
    if (text.ends_with(" -")) {
      text.remove_suffix(2);
      at = std::min(pattern.find_first_not_of(kBlanks, at), pattern.size());
    }
    Action action{subject, open + 2};
    out += action.run(trimmed(text));
  }
  return out;
}

std::string tag_of(const Subject& subject, const Options& options, const std::string& fallback) {
  const std::string pattern = text_of(options, "tag");
  return expand_tag(pattern.empty() ? fallback : pattern, subject);
}

}  // namespace gantry::log_subject
