#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gantry/builder.hpp"
#include "node.hpp"

/// The instructions, each with its arguments checked for their form. Variables are still in them.
namespace gantry::dockerfile {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// ["a", "b"], or text for the shell.
struct Command {
  std::vector<std::string> words;  ///< Of the shell form one, or none.
  bool shell{};
};

struct From {
  std::string base;
  std::string platform;
  std::string stage;  ///< In lower case; empty: it has none.
};
struct Arg {
  std::vector<std::pair<std::string, std::optional<std::string>>> defaults;
};
struct Env {
  Pairs variables;
  bool old_form{};  ///< "ENV name value".
};
struct Label {
  Pairs labels;
  bool old_form{};
};
struct Maintainer {
  std::string name;
};
struct Copy {
  bool add{};  ///< ADD.
  std::vector<std::string> sources;
  std::string destination;
  std::vector<Heredoc> heredocs;  ///< Those among the sources, by name.
  std::string from;
  std::string owner;
  std::string mode;
  std::string checksum;
  std::vector<std::string> exclude;
  bool parents{};
  bool keep_git_dir{};
  bool link{};                 ///< The layer is made without what is below it.
  std::optional<bool> unpack;  ///< None: archives are, unless they come from a server.
};
struct RunMount {
  std::string type{"bind"};
  std::string from;
  std::string source;
  std::string target;
  std::string id;
  std::string sharing;
  std::optional<bool> read_only;
  bool required{};
  std::string size;
  std::string mode;
  std::string uid;
  std::string gid;
  std::string env;
};
struct RunDevice {
  std::string name;  ///< "vendor.com/class=name"; all of a class: "vendor.com/class" or "vendor.com/class=*".
  bool required{};
};
struct Run {
  Command command;
  std::vector<Heredoc> heredocs;
  std::vector<RunMount> mounts;
  std::string mounts_text;  ///< As written, for the history.
  std::vector<RunDevice> devices;
  std::string network;
  std::string security;
};
struct Cmd {
  Command command;
};
struct Entrypoint {
  Command command;
};
struct Expose {
  std::vector<std::string> ports;
};
struct Volume {
  std::vector<std::string> paths;
};
struct User {
  std::string name;
};
struct Workdir {
  std::string path;
};
struct OnBuild {
  std::string instruction;
};
struct StopSignal {
  std::string signal;
};
struct HealthCheck {
  builder::v1::HealthCheck check;
  std::string shown;  ///< As dockerd's history has it.
};
struct Shell {
  std::vector<std::string> words;
};

struct Instruction {
  std::string text;  ///< As the user wrote it, on one line.
  std::size_t line{};
  std::size_t last_line{};
  std::variant<From, Arg, Env, Label, Maintainer, Copy, Run, Cmd, Entrypoint, Expose, Volume, User, Workdir, OnBuild,
               StopSignal, HealthCheck, Shell>
      what;
  std::vector<std::string> comments{};  ///< Right before it.
};

struct Stage {
  From from;
  Instruction header;  ///< The FROM itself.
  std::vector<Instruction> instructions;
};

/// A whole recipe.
struct Recipe {
  char escape{'\\'};
  std::string check;  ///< As the directive has it.
  std::vector<std::string> warnings;
  std::vector<std::size_t> gaps;       ///< Lines at which instructions end that have an empty line in them.
  std::vector<Instruction> arguments;  ///< ARG before the first FROM.
  std::vector<Stage> stages;
  std::map<std::string, std::vector<std::size_t>> named{};  ///< The stages of each name, in order.
};

/// Errors: invalid, in dockerd's words and with the line.
Recipe parse_recipe(std::string_view text, const std::string& file);

/// One instruction. Errors: invalid.
Instruction parse_instruction(const Node& node, char escape);

/// Nanoseconds of "1h2m3.5s". Errors: invalid.
std::int64_t parse_duration(std::string_view text);
/// As Go prints it: "1m30s", "0s".
std::string show_duration(std::int64_t nanoseconds);

/// HEALTHCHECK's own arguments.
class Flags;
HealthCheck parse_health_check(const Node& node, Flags& flags);

/// RUN --mount. Errors: invalid.
RunMount parse_run_mount(const std::string& text);

}  // namespace gantry::dockerfile
