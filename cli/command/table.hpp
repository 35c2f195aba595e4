#pragma once

#include <span>
#include <string>
#include <string_view>

#include "command/flags.hpp"

namespace gantry::cli {

class Context;

/// One command: "gantry GROUP NAME", and "gantry TOP" where it has a short form.
struct Command {
  const char* group;    ///< Empty for commands that have no long form.
  const char* name;     ///< Within its group.
  const char* aliases;  ///< Other names within its group, separated by commas.
  const char* top;      ///< Empty if there is no short form.
  const char* usage;
  const char* help;
  int (*run)(Context&);
  bool interspersed = true;  ///< Flags may stand behind the first word.
  bool hidden = false;       ///< For programs: no help and no completion names it.
};

std::span<const Command> commands();

struct CommandGroup {
  const char* name;
  const char* help;
};

std::span<const CommandGroup> command_groups();

/// The command that the words begin with; they are taken off. Throws Failure if there is none; prints the help and
/// gives nullptr where the words name a group only.
const Command* find_command(Context& context, std::span<const std::string> words, std::size_t& taken);

/// Whether the program has a command or a group of that name.
bool is_known(std::string_view word);

/// `gantry help`: what is behind it says of which command. Throws Failure.
int show_help(Context& context, std::span<const std::string> words, const std::string& program_help);

inline constexpr const char* kLetterDeprecated = "Flag shorthand -h has been deprecated, use --help\n";

std::string command_help(const Command& command, const std::string& use_line, const Flags& flags, std::size_t width);
std::string program_help(const Flags& flags, std::size_t width);

}  // namespace gantry::cli
