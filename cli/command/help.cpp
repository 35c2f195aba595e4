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

const Command* find_in_group(Context& context, const CommandGroup& group, std::span<const std::string> words) {
  const std::string path = std::string("gantry ") + group.name;
  if (words.size() < 2) {
    // It was not asked for.
    std::fputs(group_help(group).c_str(), stderr);
    return nullptr;
  }
  if (words[1] == "--help" || words[1] == "-h") {
    const std::string help = group_help(group);
    print_text(help);
    return nullptr;
  }
  for (const Command& command : commands()) {
    if (std::string_view(command.group) == group.name && is_named(command, words[1])) {
      context.program_path = path + " " + words[1];
      return &command;
    }
  }
  // Docker's commands differ in how they are declared.
  const char* more = std::string_view(group.name) == "volume" ? " COMMAND" : "";
  throw Failure("gantry: unknown command: " + path + " " + words[1] + "\n\nUsage:  " + path + more + "\n\nRun '" +
                path + " --help' for more information");
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
  for (const CommandGroup& group : command_groups()) {
    if (words[0] != group.name) continue;
    taken = 2;
    return find_in_group(context, group, words);
  }
  taken = 1;
  for (const Command& command : commands()) {
    if (command.top == words[0]) {
      context.program_path = "gantry " + words[0];
      return &command;
    }
  }
  throw Failure("gantry: unknown command: gantry " + words[0] + "\n\nRun 'gantry --help' for more information");
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
