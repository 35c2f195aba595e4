#include "completion/candidates.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "command/context.hpp"
#include "command/table.hpp"
#include "completion/flag_values.hpp"
#include "completion/objects.hpp"
#include "contexts/context_store.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

using Words = std::vector<std::string>;

// The flags before the command that take the next word.
bool takes_value(const std::string& flag) {
  static const std::set<std::string> known{"--config",    "--context", "-c",          "--host",    "-H",
                                           "--log-level", "-l",        "--tlscacert", "--tlscert", "--tlskey"};
  return known.contains(flag);
}

void take_connection(Context& context, const std::string& flag, const std::string& value) {
  if (flag == "--context" || flag == "-c") context.connection.context = value;
  if (flag == "--host" || flag == "-H") context.connection.host = value;
  if (flag == "--config") context.config_dir = value;
}

Words without_program_flags(Context& context, const Words& words) {
  std::size_t at = 0;
  while (at + 1 < words.size() && starts_with(words[at], "-")) {
    const bool two = takes_value(words[at]);
    if (two && at + 2 < words.size()) take_connection(context, words[at], words[at + 1]);
    at += two ? 2 : 1;
  }
  return {words.begin() + static_cast<std::ptrdiff_t>(std::min(at, words.size() - 1)), words.end()};
}

Words program_words() {
  Words found{"help"};
  for (const CommandGroup& group : command_groups()) found.emplace_back(group.name);
  for (const Command& command : commands()) {
    if (command.top[0] != '\0') found.emplace_back(command.top);
  }
  return found;
}

Words group_words(const std::string& group) {
  Words found;
  for (const Command& command : commands()) {
    if (command.group == group && !command.hidden) found.emplace_back(command.name);
  }
  return found;
}

/// Whether a command of that name works on a container that is in such a state.
std::function<bool(const std::string&)> state_of(const Command& command) {
  const std::string_view name = command.name;
  const auto is_live = [](const std::string& state) { return state == "running" || state == "paused"; };
  const auto can_end = [=](const std::string& state) { return is_live(state) || state == "restarting"; };
  if (name == "start") return [=](const std::string& state) { return !can_end(state); };
  if (name == "kill" || name == "stop") return can_end;
  if (name == "pause") return [](const std::string& state) { return state == "running"; };
  if (name == "unpause") return [](const std::string& state) { return state == "paused"; };
  for (const char* live : {"attach", "exec", "top"}) {
    if (name == live) return is_live;
  }
  return [](const std::string&) { return true; };
}

Words context_names(const Context& context) {
  Words names{kDefaultContext};
  for (const StoredContext& stored : ContextStore(context.config_dir).all()) names.push_back(stored.name);
  return names;
}

// The usage line says what a command works on.
Words objects(Context& context, const Command& command, bool first) {
  const std::string_view usage = command.usage;
  const auto says = [&](std::string_view word) { return usage.find(word) != std::string_view::npos; };
  if (says("IMAGE") && (first || says("[IMAGE..."))) return image_names(context);
  if (says("IMAGE")) return {};
  if (says("NETWORK") && (first || says("[NETWORK..."))) return network_names(context);
  if (says("CONTAINER") && (first || says("[CONTAINER...") || says("NETWORK CONTAINER"))) {
    return container_names(context, state_of(command));
  }
  if (says("VOLUME")) return volume_names(context);
  if (says("SHELL")) return {"bash", "fish", "zsh"};
  if (says("CONTEXT")) return context_names(context);
  return {};
}

/// A command's flags, and what stands behind its name.
class CommandLine {
 public:
  CommandLine(Context& context, const Command& command, Words words)
      : context_(context), command_(command), words_(std::move(words)) {
    context.summaries = &flags_;
    context.arguments.clear();
    try {
      command.run(context);
    } catch (const HelpShown&) {
      // `parse` has told the flags instead of reading them.
    }
    context.summaries = nullptr;
  }

  /// For the last word.
  Words candidates() {
    std::size_t arguments = 0;
    for (std::size_t i = 0; i + 1 < words_.size(); ++i) {
      const std::string& word = words_[i];
      const bool is_flag = starts_with(word, "-") && word.size() > 1;
      if (word == "--" || (!is_flag && !command_.interspersed)) return behind_flags(i + (word == "--" ? 1 : 0));
      const Flags::Summary* flag = is_flag ? awaiting_value(word) : nullptr;
      arguments += is_flag ? 0 : 1;
      if (flag == nullptr) continue;
      ++i;
      if (i + 1 == words_.size()) return values(*flag, words_[i]);
    }
    const std::string& last = words_.back();
    if (const auto pair = starts_with(last, "--") ? cut(last, '=') : std::nullopt) {
      Words found;
      if (const Flags::Summary* flag = awaiting_value(pair->first)) found = values(*flag, pair->second);
      for (std::string& value : found) value.insert(0, pair->first + "=");
      return found;
    }
    return starts_with(last, "-") ? flag_names() : objects(context_, command_, arguments == 0);
  }

 private:
  Words behind_flags(std::size_t at) { return objects(context_, command_, at + 1 == words_.size()); }

  Words values(const Flags::Summary& flag, const std::string& begun) {
    return flag_values(context_, command_, flag.name, begun);
  }

  /// The flag whose value the next word is.
  const Flags::Summary* awaiting_value(const std::string& word) const {
    const bool is_long = starts_with(word, "--");
    for (std::size_t at = is_long ? 2 : 1; at < word.size(); ++at) {
      const auto found = std::find_if(flags_.begin(), flags_.end(), [&](const Flags::Summary& flag) {
        return is_long ? word.substr(2) == flag.name : flag.shorthand == word[at];
      });
      if (found == flags_.end()) return nullptr;
      if (found->takes_value) return is_long || at + 1 == word.size() ? &*found : nullptr;
      if (is_long) return nullptr;
    }
    return nullptr;
  }

  Words flag_names() const {
    Words names;
    for (const Flags::Summary& flag : flags_) {
      if (!flag.is_hidden) names.push_back("--" + flag.name);
    }
    return names;
  }

  Context& context_;
  const Command& command_;
  Words words_;
  std::vector<Flags::Summary> flags_;
};

Words command_words(Context& context, const Words& words) {
  std::size_t taken = 0;
  const Command* command = find_command(context, words, taken);
  if (command == nullptr) return {};
  context.command = command;
  return CommandLine(context, *command, {words.begin() + static_cast<std::ptrdiff_t>(taken), words.end()}).candidates();
}

/// Of the flags before the command.
Words program_flag_values(Context& context, const std::string& flag) {
  if (flag == "--log-level" || flag == "-l") return {"debug", "error", "fatal", "info", "panic", "warn"};
  if (flag != "--context" && flag != "-c") return {};
  return context_names(context);
}

Words candidates(Context& context, const Words& words) {
  static constexpr std::array kProgramFlags{"--config",  "--context",   "--debug",     "--help",
                                            "--host",    "--log-level", "--tls",       "--tlscacert",
                                            "--tlscert", "--tlskey",    "--tlsverify", "--version"};
  if (words.size() == 1) {
    return starts_with(words[0], "-") ? Words(kProgramFlags.begin(), kProgramFlags.end()) : program_words();
  }
  const auto groups = command_groups();
  const bool is_group =
      std::any_of(groups.begin(), groups.end(), [&](const auto& group) { return words[0] == group.name; });
  if (is_group && words.size() == 2) return starts_with(words[1], "-") ? Words{"--help"} : group_words(words[0]);
  return command_words(context, words);
}

/// bash makes three words of "--flag=value" and of "key=value". `typed_before`: how much of the last one the shell
/// takes for words before it.
Words joined(const Words& words, std::size_t& typed_before) {
  Words out;
  bool open = false;
  for (const std::string& word : words) {
    const bool is_sign = word == "=" && !out.empty();
    if (is_sign || open) {
      typed_before = out.back().size() + (is_sign ? 1 : 0);
      out.back() += word;
    } else {
      typed_before = 0;
      out.push_back(word);
    }
    open = is_sign;
  }
  return out;
}

}  // namespace

std::vector<std::string> completions(Context& context, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  std::size_t typed_before = 0;
  const Words whole = joined(words, typed_before);
  const std::string& start = whole.back();
  Words found;
  try {
    const std::string& before = whole.size() > 1 ? whole[whole.size() - 2] : start;
    const Words rest = without_program_flags(context, whole);
    const bool is_program_flag = whole.size() > 1 && rest.size() == 1 && takes_value(before);
    found = is_program_flag ? program_flag_values(context, before) : candidates(context, rest);
  } catch (const std::exception&) {
    // Half a command line may be wrong in any way; then there is nothing to propose.
    return {};
  }
  std::erase_if(found, [&](const std::string& word) { return !starts_with(word, start); });
  for (std::string& word : found) word.erase(0, typed_before);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace gantry::cli
