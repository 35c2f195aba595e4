#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "client/config_file.hpp"
#include "command/failure.hpp"
#include "command/flags.hpp"

namespace gantry::cli {

struct Command;

/// How many words a command takes after its flags.
struct Arity {
  std::size_t least = 0;
  std::size_t most = 0;

  static constexpr std::size_t kAny = static_cast<std::size_t>(-1);
  static Arity none() { return {0, 0}; }
  static Arity exactly(std::size_t count) { return {count, count}; }
  static Arity at_least(std::size_t count) { return {count, kAny}; }
  static Arity between(std::size_t least, std::size_t most) { return {least, most}; }
};

/// What a command is called with.
class Context {
 public:
  ConnectionFlags connection;
  std::string config_dir;
  std::string program_path;  ///< "gantry container ls", for messages.
  const Command* command = nullptr;
  std::vector<std::string> arguments;
  std::vector<Flags::Summary>* summaries = nullptr;  ///< Set: `parse` puts the flags there and throws HelpShown.

  bool debug = false;       ///< --debug
  bool wants_help = false;  ///< "--help" stood before the command's name.

  /// The daemon; not spoken to before the first request.
  Client& client();
  /// The user's config.json; not read before it is asked for.
  ConfigFile& config();

  /// What detaches: `given`, or what the user's config.json has.
  std::string detach_keys(const std::string& given);

  /// Reads the flags and gives the other words. Throws Failure as Docker words it; prints the help if it is asked for.
  std::vector<std::string> parse(Flags& flags, Arity arity);

  /// A failure of this command's own: "gantry: message", and where to read on.
  [[nodiscard]] Failure failure_with_hint(const std::string& message, int code) const;

 private:
  std::unique_ptr<Client> client_;
  std::unique_ptr<ConfigFile> config_;
};

/// The help was printed: nothing is left to do.
struct HelpShown {};

}  // namespace gantry::cli
