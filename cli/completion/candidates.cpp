#include "completion/candidates.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "command/context.hpp"
#include "command/table.hpp"
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

Words container_names(Context& context) {
  Words names;
  for (const Json& container : context.client().get("/containers/json?all=1")) {
    for (const Json& name : container.value("Names", Json::array())) names.push_back(name.get<std::string>().substr(1));
  }
  return names;
}

Words image_names(Context& context) {
  Words names;
  for (const Json& image : context.client().get("/images/json")) {
    const auto tags = image.find("RepoTags");
    if (tags == image.end() || !tags->is_array()) continue;
    for (const Json& tag : *tags) {
      names.push_back(tag.get<std::string>());
      if (names.back().ends_with(":latest")) names.push_back(names.back().substr(0, names.back().rfind(':')));
    }
  }
  return names;
}

Words named(const Json& list) {
  Words names;
  for (const Json& item : list) names.push_back(item.value("Name", ""));
  return names;
}

// The usage line says what a command works on.
Words objects(Context& context, const Command& command, bool first) {
  const std::string_view usage = command.usage;
  const auto says = [&](std::string_view word) { return usage.find(word) != std::string_view::npos; };
  if (says("IMAGE") && (first || says("[IMAGE..."))) return image_names(context);
  if (says("IMAGE")) return {};
  if (says("NETWORK") && (first || says("[NETWORK..."))) return named(context.client().get("/networks"));
  if (says("CONTAINER") && (first || says("[CONTAINER...") || says("NETWORK CONTAINER")))
    return container_names(context);
  if (says("VOLUME")) return named(context.client().get("/volumes").value("Volumes", Json::array()));
  if (says("CONTEXT")) {
    Words names{kDefaultContext};
    for (const StoredContext& stored : ContextStore(context.config_dir).all()) names.push_back(stored.name);
    return names;
  }
  return {};
}

Words flag_words(Context& context, const Command& command) {
  Words names;
  context.flag_names = &names;
  context.arguments.clear();
  try {
    command.run(context);
  } catch (const HelpShown&) {
    // `parse` has told the flags instead of reading them.
  }
  context.flag_names = nullptr;
  return names;
}

Words command_words(Context& context, const Words& words) {
  std::size_t taken = 0;
  const Command* command = find_command(context, words, taken);
  if (command == nullptr) return {};
  context.command = command;
  if (starts_with(words.back(), "-")) return flag_words(context, *command);
  return objects(context, *command, words.size() - taken <= 1 || starts_with(words[words.size() - 2], "-"));
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
  if (is_group && words.size() == 2) return group_words(words[0]);
  return command_words(context, words);
}

}  // namespace

std::vector<std::string> completions(Context& context, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const std::string& start = words.back();
  Words found;
  try {
    found = candidates(context, without_program_flags(context, words));
  } catch (const std::exception&) {
    // Half a command line may be wrong in any way; then there is nothing to propose.
    return {};
  }
  std::erase_if(found, [&](const std::string& word) { return !starts_with(word, start); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace gantry::cli
