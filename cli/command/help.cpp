#include <algorithm>
#include <array>
#include <cstdio>

#include "command/context.hpp"
#include "command/output.hpp"
#include "command/table.hpp"

namespace gantry::cli {

namespace {

constexpr std::array<std::string_view, 11> kCommon{"run",   "exec",   "ps",     "pull",    "push", "images",
                                                   "login", "logout", "search", "version", "info"};

std::string entry(std::string_view name, std::string_view help) {
  std::string line = "  " + std::string(name);
  line.resize(14, ' ');
  help = help.substr(0, std::min(help.find('\n'), help.find(". ")));
  if (help.ends_with('.')) help.remove_suffix(1);
  return line + std::string(help) + "\n";
}

std::string group_help(const CommandGroup& group) {
  std::string out = "Usage:  gantry " + std::string(group.name) + " COMMAND\n\n" + group.help + "\n\nCommands:\n";
  for (const Command& command : commands()) {
    if (std::string_view(command.group) == group.name && !command.hidden) out += entry(command.name, command.help);
  }
  return out + "\nRun 'gantry " + group.name + " COMMAND --help' for more information on a command.\n";
}

bool is_named(const Command& command, std::string_view name) {
  if (command.name == name) return true;
  std::string_view aliases = command.aliases;
  while (!aliases.empty()) {
    const auto comma = aliases.find(',');
    if (aliases.substr(0, comma) == name) return true;
    aliases.remove_prefix(comma == std::string_view::npos ? aliases.size() : comma + 1);
  }
  return false;
}

const Command* named_in(const CommandGroup& group, std::string_view name) {
  for (const Command& command : commands()) {
    if (std::string_view(command.group) == group.name && is_named(command, name)) return &command;
  }
  return nullptr;
}

const CommandGroup* group_named(std::string_view name) {
  for (const CommandGroup& group : command_groups()) {
    if (name == group.name) return &group;
  }
  return nullptr;
}

/// What stands between a group's name and its command: "--help" is all that may. What is left comes back.
std::vector<std::string> behind_flags(const std::string& path, const char* more, std::span<const std::string> words,
                                      Flags& flags) {
  try {
    return flags.parse({words.begin(), words.end()}, false);
  } catch (const InvalidValue& error) {
    throw Failure(
        std::string(error.what()) + "\n\nUsage:  " + path + more + "\n\nRun '" + path + " --help' for more information",
        125);
  }
}

const Command* find_in_group(Context& context, const CommandGroup& group, std::span<const std::string> words,
                             std::size_t& taken) {
  const std::string path = std::string("gantry ") + group.name;
  // Docker's commands differ in how they are declared.
  const char* more = std::string_view(group.name) == "volume" ? " COMMAND" : "";
  if (words.size() < 2) {
    // It goes to where mistakes go if it was not asked for.
    std::fputs(group_help(group).c_str(), context.wants_help ? stdout : stderr);
    return nullptr;
  }
  Flags flags;
  const auto rest = behind_flags(path, more, words.subspan(1), flags);
  context.wants_help = context.wants_help || flags.help_wanted();
  const std::string name = rest.empty() ? "" : rest[0];
  if (const Command* command = named_in(group, name)) {
    taken = words.size() - rest.size() + 1;
    context.program_path = path + " " + name;
    return command;
  }
  if (context.wants_help || std::find(rest.begin(), rest.end(), "--help") != rest.end()) {
    if (flags.help_by_letter()) print_text(kLetterDeprecated);
    print_text(group_help(group));
    return nullptr;
  }
  throw Failure("gantry: unknown command: " + path + " " + name + "\n\nUsage:  " + path + more + "\n\nRun '" + path +
                " --help' for more information");
}

std::string alias_list(const Command& command) {
  if (command.group[0] == '\0') return "";
  const std::string path = std::string("gantry ") + command.group + " ";
  std::string out = path + command.name;
  std::string_view aliases = command.aliases;
  while (!aliases.empty()) {
    const auto comma = aliases.find(',');
    out += ", " + path + std::string(aliases.substr(0, comma));
    aliases.remove_prefix(comma == std::string_view::npos ? aliases.size() : comma + 1);
  }
  if (command.top[0] != '\0') out += std::string(", gantry ") + command.top;
  return out.find(',') == std::string::npos ? "" : out;
}

}  // namespace

const Command* find_command(Context& context, std::span<const std::string> words, std::size_t& taken) {
  if (const CommandGroup* group = group_named(words[0])) return find_in_group(context, *group, words, taken);
  taken = 1;
  for (const Command& command : commands()) {
    if (command.top == words[0]) {
      context.program_path = "gantry " + words[0];
      return &command;
    }
  }
  throw Failure("gantry: unknown command: gantry " + words[0] + "\n\nRun 'gantry --help' for more information");
}

bool is_known(std::string_view word) {
  const auto all = commands();
  return group_named(word) != nullptr ||
         std::any_of(all.begin(), all.end(), [&](const Command& command) { return command.top == word; });
}

int show_help(Context& context, std::span<const std::string> words, const std::string& program_help) {
  constexpr const char* kUsage = "Usage:  gantry help [command]\n";
  Flags flags;
  std::vector<std::string> topic;
  try {
    topic = flags.parse({words.begin(), words.end()}, true);
  } catch (const InvalidValue& error) {
    throw Failure(std::string(error.what()) + "\n\n" + kUsage + "\nRun 'gantry help --help' for more information", 125);
  }
  if (flags.help_wanted() || (topic.size() == 1 && topic[0] == "help")) {
    print_text(std::string(flags.help_by_letter() ? kLetterDeprecated : "") + kUsage + "\nHelp about the command\n");
    return 0;
  }
  if (topic.empty()) {
    print_text(program_help);
    return 0;
  }
  const CommandGroup* group = group_named(topic[0]);
  const Command* command = group != nullptr && topic.size() > 1 ? named_in(*group, topic[1]) : nullptr;
  const std::size_t depth = command != nullptr ? 2 : 1;
  if (command != nullptr) topic[1] = command->name;
  if (topic.size() > depth || !is_known(topic[0])) {
    std::string rest;
    for (std::size_t at = is_known(topic[0]) ? depth : 0; at < topic.size(); ++at)
      rest += (rest.empty() ? "" : " ") + topic[at];
    throw Failure("unknown help topic: " + rest);
  }
  context.wants_help = true;
  std::size_t taken = 0;
  context.command = find_command(context, topic, taken);
  return context.command == nullptr ? 0 : context.command->run(context);
}

std::string command_help(const Command& command, const std::string& use_line, const Flags& flags, std::size_t width) {
  std::string out = "Usage:  " + use_line + "\n\n" + command.help + "\n";
  const std::string aliases = alias_list(command);
  if (!aliases.empty()) out += "\nAliases:\n  " + aliases + "\n";
  const std::string usages = flags.usages(width);
  if (!usages.empty()) out += "\nOptions:\n" + usages;
  return out;
}

std::string program_help(const Flags& flags, std::size_t width) {
  std::string out =
      "Usage:  gantry [OPTIONS] COMMAND\n\nA container engine with swappable drivers\n\nCommon Commands:\n";
  const auto find_top = [](std::string_view name) {
    for (const Command& command : commands()) {
      if (command.top == name) return &command;
    }
    return static_cast<const Command*>(nullptr);
  };
  for (const auto name : kCommon) {
    if (const Command* command = find_top(name)) out += entry(name, command->help);
  }
  out += "\nManagement Commands:\n";
  for (const CommandGroup& group : command_groups()) out += entry(group.name, group.help);
  out += "\nCommands:\n";
  for (const Command& command : commands()) {
    const std::string_view top = command.top;
    if (top.empty() || std::find(kCommon.begin(), kCommon.end(), top) != kCommon.end()) continue;
    out += entry(top, command.help);
  }
  out += "\nGlobal Options:\n" + flags.usages(width);
  return out + "\nRun 'gantry COMMAND --help' for more information on a command.\n";
}

}  // namespace gantry::cli
