#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>

#include "command/context.hpp"
#include "command/output.hpp"
#include "command/table.hpp"
#include "command/version.hpp"
#include "commands/commands.hpp"
#include "parse/text.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

namespace {

std::string default_config_dir() {
  if (const char* directory = std::getenv("DOCKER_CONFIG"); directory != nullptr && *directory != '\0') {
    return directory;
  }
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.docker";
}

void check_log_level(const std::string& level) {
  for (const char* known : {"panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"}) {
    if (lower(level) == known) return;
  }
  throw Failure("Unable to parse logging level: " + level);
}

int run(const std::vector<std::string>& arguments) {
  Context context;
  context.config_dir = default_config_dir();
  bool version = false;
  std::string log_level = "info";
  ConnectionFlags& connection = context.connection;
  Flags flags;
  flags.text("config", context.config_dir, "Location of client config files")
      .toggle("debug,D", context.debug, "Enable debug mode")
      .text(
          "context,c", connection.context,
          "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set "
          "with \"gantry context use\")")
      .text("host,H", connection.host, "Daemon socket to connect to", "list")
      .text("log-level,l", log_level, R"(Set the logging level ("debug", "info", "warn", "error", "fatal"))")
      .toggle("tls", connection.tls, "Use TLS; implied by --tlsverify")
      .text("tlscacert", connection.ca_file, "Trust certs signed only by this CA")
      .text("tlscert", connection.certificate_file, "Path to TLS certificate file")
      .text("tlskey", connection.key_file, "Path to TLS key file")
      .toggle("tlsverify", connection.tls_verify, "Use TLS and verify the remote")
      .toggle("version,v", version, "Print version information and quit");
  std::vector<std::string> words;
  try {
    words = flags.parse(arguments, false);
  } catch (const InvalidValue& error) {
    throw Failure(std::string(error.what()) +
                      "\n\nUsage:  gantry [OPTIONS] COMMAND [ARG...]\n\nRun 'gantry --help' for more information",
                  125);
  }
  check_log_level(log_level);
  if (version && words.empty()) {
    std::printf("gantry version %s\n", kClientVersion);
    return 0;
  }
  const auto whole_help = [&] { return program_help(flags, terminal_size(0).columns - 1); };
  if (words.empty()) {
    // It goes to where mistakes go if it was not asked for.
    if (flags.help_by_letter()) std::fputs(kLetterDeprecated, stderr);
    std::fputs(whole_help().c_str(), flags.help_wanted() ? stdout : stderr);
    return 0;
  }
  if (words[0] == "help") return show_help(context, std::span(words).subspan(1), whole_help());
  // Before it is looked for help: that may be among the words to complete.
  if (words[0] == "__complete" && words.size() > 1) {
    const bool plainly = words[1] == "--";
    return print_candidates(context, {words.begin() + (plainly ? 2 : 1), words.end()}, !plainly);
  }
  context.wants_help = flags.help_wanted();
  if (!is_known(words[0]) && (context.wants_help || std::find(words.begin(), words.end(), "--help") != words.end())) {
    print_text(whole_help());
    return 0;
  }
  if (!connection.host.empty() && !connection.context.empty()) {
    throw Failure("conflicting options: cannot specify both --host and --context");
  }
  std::size_t taken = 0;
  context.command = find_command(context, words, taken);
  if (context.command == nullptr) return 0;
  context.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(taken), words.end());
  return context.command->run(context);
}

int report(const char* message, int code) {
  std::fflush(stdout);
  if (*message != '\0') std::fprintf(stderr, "%s\n", message);
  return code;
}

int guarded_run(const std::vector<std::string>& arguments) {
  try {
    return run(arguments);
  } catch (const HelpShown&) {
    return 0;
  } catch (const Failure& failure) {
    return report(failure.what(), failure.code());
  } catch (const std::exception& error) {
    return report(error.what(), 1);
  }
}

}  // namespace

}  // namespace gantry::cli

int main(int argc, char** argv) {
  const std::span<char*> all(argv, static_cast<std::size_t>(argc));
  const int code = gantry::cli::guarded_run({all.begin() + 1, all.end()});
  std::fflush(stdout);
  return code;
}
