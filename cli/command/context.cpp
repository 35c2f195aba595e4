#include "command/context.hpp"

#include <cstdio>

#include "client/user_defaults.hpp"
#include "command/output.hpp"
#include "command/table.hpp"
#include "contexts/current_context.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

namespace {

std::string plural(std::size_t count) { return std::to_string(count) + (count == 1 ? " argument" : " arguments"); }

std::string use_line(const Context& context) {
  std::string line = context.program_path;
  if (context.command->usage[0] != '\0') line += std::string(" ") + context.command->usage;
  return line;
}

void check_arity(const Context& context, std::size_t count, Arity arity) {
  if (count >= arity.least && count <= arity.most) return;
  const std::string subject = "gantry: '" + context.program_path + "' ";
  const std::string usage = "\n\nUsage:  " + use_line(context) + "\n\n";
  const std::string hint = "'" + context.program_path + " --help' for more information";
  if (arity.most == 0) throw Failure(subject + "accepts no arguments" + usage + "Run " + hint);
  if (arity.least == arity.most) throw Failure(subject + "requires " + plural(arity.least) + usage + "Run " + hint);
  if (arity.most == Arity::kAny) {
    throw Failure(subject + "requires at least " + plural(arity.least) + usage + "See " + hint);
  }
  if (arity.least == 0) {
    throw Failure(subject + "requires at most " + plural(arity.most) + usage + "See " + hint);
  }
  throw Failure(subject + "requires at least " + std::to_string(arity.least) + " and at most " + plural(arity.most) +
                usage + "Run " + hint);
}

}  // namespace

Client& Context::client() {
  if (!client_)
    client_ = std::make_unique<Client>(resolve_daemon(connection, config_dir, config()), custom_headers(config()));
  return *client_;
}

ConfigFile& Context::config() {
  if (!config_) config_ = std::make_unique<ConfigFile>(config_dir);
  return *config_;
}

std::vector<std::string> Context::parse(Flags& flags, Arity arity) {
  if (summaries != nullptr) {
    *summaries = flags.summaries();
    throw HelpShown{};
  }
  std::vector<std::string> words;
  try {
    words = flags.parse(wants_help ? std::vector<std::string>{"--help"} : arguments, command->interspersed);
  } catch (const InvalidValue& error) {
    throw Failure(std::string(error.what()) + "\n\nUsage:  " + use_line(*this) + "\n\nRun '" + program_path +
                      " --help' for more information",
                  125);
  }
  if (flags.help_wanted()) {
    if (flags.help_by_letter()) print_text(kLetterDeprecated);
    const std::string help = command_help(*command, use_line(*this), flags, terminal_size(0).columns - 1);
    print_text(help);
    throw HelpShown{};
  }
  check_arity(*this, words.size(), arity);
  return words;
}

std::string Context::detach_keys(const std::string& given) {
  return given.empty() ? config().text("detachKeys") : given;
}

Failure Context::failure_with_hint(const std::string& message, int code) const {
  return Failure("gantry: " + message + "\n\nRun '" + program_path + " --help' for more information", code);
}

}  // namespace gantry::cli
