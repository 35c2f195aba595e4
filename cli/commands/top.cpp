#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "commands/archive_file.hpp"
#include "commands/commands.hpp"
#include "format/columns.hpp"
#include "format/go_value.hpp"
#include "format/ports.hpp"
#include "parse/text.hpp"
#include "terminal/session.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

namespace {

struct Mapping {
  int port = 0;
  std::string protocol;
  std::string line;
};

std::string tabbed(const Json& cells) {
  std::string line;
  for (const Json& cell : cells) line += (line.empty() ? "" : "\t") + cell.get<std::string>();
  return line + "\n";
}

}  // namespace

int container_top(Context& context) {
  Flags flags;
  const auto words = context.parse(flags, Arity::at_least(1));
  std::string arguments;
  for (std::size_t i = 1; i < words.size(); ++i) arguments += (i > 1 ? " " : "") + words[i];
  Query query;
  query.add_if(!arguments.empty(), "ps_args", arguments);
  const Json answer = context.client().get("/containers/" + escaped(words[0]) + "/top" + query.text());
  std::string out = tabbed(answer["Titles"]);
  for (const Json& row : answer["Processes"]) out += tabbed(row);
  print_text(align(out, {20, 3}));
  return 0;
}

int container_port(Context& context) {
  Flags flags;
  const auto words = context.parse(flags, Arity::between(1, 2));
  const Json container = context.client().get("/containers/" + escaped(words[0]) + "/json");
  const Json ports = container.value("NetworkSettings", Json::object()).value("Ports", Json::object());
  if (words.size() > 1) {
    const std::string wanted = words[1].find('/') == std::string::npos ? words[1] + "/tcp" : words[1];
    const std::string number = words[1].substr(0, words[1].find('/'));
    if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos) {
      throw Failure("Error: invalid port (" + number + "): strconv.ParseUint: parsing " + go_quote(number) +
                    ": invalid syntax");
    }
    const auto found = ports.find(wanted);
    if (found == ports.end() || !found->is_array() || found->empty()) {
      throw Failure("Error: No public port '" + words[1] + "' published for " + words[0]);
    }
    for (const Json& binding : *found) {
      print_text(host_and_port(binding.value("HostIp", ""), binding.value("HostPort", "")) + "\n");
    }
    return 0;
  }
  std::vector<Mapping> mappings;
  for (const auto& item : ports.items()) {
    if (!item.value().is_array()) continue;
    const auto port = cut(item.key(), '/');
    for (const Json& binding : item.value()) {
      mappings.push_back(
          {std::atoi(item.key().c_str()), port ? port->second : "",
           item.key() + " -> " + host_and_port(binding.value("HostIp", ""), binding.value("HostPort", "")) + "\n"});
    }
  }
  std::stable_sort(mappings.begin(), mappings.end(), [](const Mapping& a, const Mapping& b) {
    return a.port != b.port ? a.port < b.port : a.protocol < b.protocol;
  });
  for (const Mapping& mapping : mappings) print_text(mapping.line);
  return 0;
}

int container_diff(Context& context) {
  Flags flags;
  const auto names = context.parse(flags, Arity::exactly(1));
  if (names[0].empty()) throw Failure("Container name cannot be empty");
  const Json changes = context.client().get("/containers/" + escaped(names[0]) + "/changes");
  constexpr std::array<const char*, 3> kKinds{"C", "A", "D"};
  for (const Json& change : changes) {
    const std::size_t kind = change.value("Kind", std::size_t{0});
    print_text(std::string(kKinds.at(std::min<std::size_t>(kind, 2))) + " " + change.value("Path", "") + "\n");
  }
  return 0;
}

int container_export(Context& context) {
  std::string output;
  Flags flags;
  flags.text("output,o", output, "Write to a file, instead of STDOUT");
  const auto names = context.parse(flags, Arity::exactly(1));
  if (output.empty() && is_terminal(STDOUT_FILENO)) {
    throw Failure("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  }
  check_output_path(output, "failed to export container");
  const auto exchange = context.client().stream("GET", "/containers/" + escaped(names[0]) + "/export");
  write_archive(*exchange, output);
  return 0;
}

}  // namespace gantry::cli
