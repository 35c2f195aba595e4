#include "instruction.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "flags.hpp"
#include "text.hpp"
#include "words.hpp"

namespace gantry::dockerfile {
namespace {

using What = decltype(Instruction::what);

/// Each may be a copy of the whole context.
constexpr std::size_t kMostMounts = 256;

[[noreturn]] void refuse(const std::string& why) { throw Error{Errc::invalid, why}; }

std::vector<std::string> list_or_words(std::string_view text) {
  std::vector<std::string> out;
  if (!parse_json_list(text, out)) out = split_blanks(text);
  return out;
}

Command command_of(const Node& node) {
  Command out;
  if (parse_json_list(node.rest, out.words)) return out;
  out.shell = true;
  if (!node.rest.empty()) out.words = {node.rest};
  return out;
}

std::string single(const Node& node, const char* name) {
  if (node.rest.empty()) refuse(std::string{name} + " requires exactly one argument");
  return node.rest;
}

/// "A=b C=d", or the old "A b c".
Pairs assignments(const Node& node, char escape, const std::string& name) {
  const std::vector<std::string> words = quoted_words(node.rest, escape);
  if (words.empty()) refuse(name + " requires at least one argument");
  Pairs out;
  if (words.front().find('=') == std::string::npos) {
    const std::size_t blank = std::min(node.rest.find_first_of(" \t"), node.rest.size());
    const std::string value{trim(std::string_view{node.rest}.substr(blank))};
    if (value.empty()) throw SyntaxError{name + " must have two arguments"};
    return {{node.rest.substr(0, blank), value}};
  }
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      throw SyntaxError{"Syntax error - can't find = in " + quote(word) + ". Must be of the form: name=value"};
    }
    if (equals == 0) refuse(name + " names can not be blank");
    out.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return out;
}

bool is_old_form(const Node& node, char escape) {
  const auto words = quoted_words(node.rest, escape);
  return !words.empty() && words.front().find('=') == std::string::npos;
}

bool is_stage_name(std::string_view name) {
  if (name.empty() || name.front() < 'a' || name.front() > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string_view::npos;
}

What parse_from(const Node& node, Flags& flags) {
  const std::vector<std::string> words = split_blanks(node.rest);
  From from;
  from.platform = flags.text("platform");
  if (words.size() == 3 && lower(words[1]) == "as") {
    from.stage = lower(words[2]);
    if (!is_stage_name(from.stage)) {
      refuse("invalid name for build stage: " + quote(words[2]) +
             ", name can't start with a number or contain symbols");
    }
  } else if (words.size() != 1) {
    refuse("FROM requires either one or three arguments");
  }
  from.base = words.front();
  return from;
}

What parse_arg(const Node& node, char escape) {
  Arg arg;
  const auto words = quoted_words(node.rest, escape);
  if (words.empty()) refuse("ARG requires at least one argument");
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == 0) refuse("ARG names can not be blank");
    if (equals == std::string::npos) {
      arg.defaults.emplace_back(word, std::nullopt);
    } else {
      arg.defaults.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  return arg;
}

What parse_copy(const Node& node, Flags& flags, bool add) {
  Copy copy;
  copy.add = add;
  const std::string name = add ? "ADD" : "COPY";
  copy.owner = flags.text("chown");
  copy.mode = flags.text("chmod");
  copy.exclude = flags.list("exclude");
  copy.link = flags.boolean("link");
  if (add) {
    copy.unpack = flags.choice("unpack");
    copy.checksum = flags.text("checksum");
    copy.keep_git_dir = flags.boolean("keep-git-dir");
  } else {
    copy.from = flags.text("from");
    copy.parents = flags.boolean("parents");
  }
  copy.sources = list_or_words(node.rest);
  if (copy.sources.size() < 2) {
    refuse(name + " requires at least two arguments, but only one was provided. Destination could not be determined");
  }
  copy.destination = copy.sources.back();
  copy.sources.pop_back();
  copy.heredocs = node.heredocs;
  std::size_t announced = copy.heredocs.size();
  std::erase_if(copy.sources, [&](const std::string& source) {
    if (announced == 0 || !source.starts_with("<<")) return false;
    --announced;
    return true;
  });
  if (announced > 0) refuse(name + " cannot accept a here-document as its destination");
  return copy;
}

/// "name[,required]".
RunDevice parse_run_device(const std::string& text) {
  RunDevice out;
  for (const std::string& field : split(text, ',')) {
    if (lower(field) == "required" || lower(field) == "required=true") {
      out.required = true;
    } else if (field.starts_with("name=") && out.name.empty()) {
      out.name = field.substr(field.find('=') + 1);
    } else if (out.name.empty()) {
      out.name = field;
    } else if (lower(field) != "required=false") {
      refuse("unexpected field " + quote(field) + " in --device=" + text + ": use a name and required");
    }
  }
  const std::size_t slash = out.name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == out.name.size()) {
    refuse("invalid device " + quote(out.name) + ": use vendor.com/class=name");
  }
  return out;
}

What parse_run(const Node& node, Flags& flags) {
  Run run;
  const auto mounts = flags.list("mount");
  if (mounts.size() > kMostMounts) {
    refuse("RUN has " + std::to_string(mounts.size()) + " mounts, more than " + std::to_string(kMostMounts) +
           ": mount a directory that has all of them in it");
  }
  for (const std::string& text : mounts) {
    run.mounts.push_back(parse_run_mount(text));
    run.mounts_text += (run.mounts_text.empty() ? "" : " ") + text;
  }
  for (const std::string& text : flags.list("device")) run.devices.push_back(parse_run_device(text));
  run.network = flags.text("network");
  run.security = flags.text("security");
  static const std::vector<std::string> networks{"", "default", "none", "host"};
  if (std::find(networks.begin(), networks.end(), run.network) == networks.end()) {
    refuse("network mode " + quote(run.network) + " is not supported: use default, none or host");
  }
  if (!run.security.empty() && run.security != "sandbox" && run.security != "insecure") {
    refuse("security " + quote(run.security) + " is not valid");
  }
  if (run.network == "default") run.network.clear();
  run.command = command_of(node);
  run.heredocs = node.heredocs;
  return run;
}

What parse_expose(const Node& node) {
  Expose expose{split_blanks(node.rest)};
  if (expose.ports.empty()) refuse("EXPOSE requires at least one argument");
  std::sort(expose.ports.begin(), expose.ports.end());
  return expose;
}

What parse_volume(const Node& node) {
  Volume volume{list_or_words(node.rest)};
  if (volume.paths.empty()) refuse("VOLUME requires at least one argument");
  for (std::string& path : volume.paths) {
    path = trim(path);
    if (path.empty()) refuse("VOLUME specified can not be an empty string");
  }
  return volume;
}

What parse_on_build(const Node& node) {
  const std::string trigger = upper(parse_node(node.rest, '\\').name);
  if (trigger.empty()) refuse("ONBUILD requires at least one argument");
  if (trigger == "ONBUILD") refuse("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger == "MAINTAINER" || trigger == "FROM") refuse(trigger + " isn't allowed as an ONBUILD trigger");
  std::string text{trim(node.original)};
  text.erase(0, node.name.size());
  text = trim(text);
  for (const Heredoc& heredoc : node.heredocs) text += "\n" + heredoc.content + heredoc.name;
  return OnBuild{text};
}

What parse_shell(const Node& node) {
  Shell shell;
  if (!parse_json_list(node.rest, shell.words)) refuse("SHELL requires the arguments to be in JSON form");
  if (shell.words.empty()) refuse("SHELL requires at least one argument");
  return shell;
}

using Parser = std::function<What(const Node&, Flags&, char)>;

const std::map<std::string, Parser>& parsers() {
  static const std::map<std::string, Parser> table{
      {"ADD", [](const Node& node, Flags& flags, char) { return parse_copy(node, flags, true); }},
      {"ARG", [](const Node& node, Flags&, char escape) { return parse_arg(node, escape); }},
      {"CMD", [](const Node& node, Flags&, char) { return Cmd{command_of(node)}; }},
      {"COPY", [](const Node& node, Flags& flags, char) { return parse_copy(node, flags, false); }},
      {"ENTRYPOINT", [](const Node& node, Flags&, char) { return Entrypoint{command_of(node)}; }},
      {"ENV",
       [](const Node& node, Flags&, char escape) {
         return Env{assignments(node, escape, "ENV"), is_old_form(node, escape)};
       }},
      {"EXPOSE", [](const Node& node, Flags&, char) { return parse_expose(node); }},
      {"FROM", [](const Node& node, Flags& flags, char) { return parse_from(node, flags); }},
      {"HEALTHCHECK", [](const Node& node, Flags& flags, char) { return parse_health_check(node, flags); }},
      {"LABEL",
       [](const Node& node, Flags&, char escape) {
         return Label{assignments(node, escape, "LABEL"), is_old_form(node, escape)};
       }},
      {"MAINTAINER", [](const Node& node, Flags&, char) { return Maintainer{single(node, "MAINTAINER")}; }},
      {"ONBUILD", [](const Node& node, Flags&, char) { return parse_on_build(node); }},
      {"RUN", [](const Node& node, Flags& flags, char) { return parse_run(node, flags); }},
      {"SHELL", [](const Node& node, Flags&, char) { return parse_shell(node); }},
      {"STOPSIGNAL", [](const Node& node, Flags&, char) { return StopSignal{single(node, "STOPSIGNAL")}; }},
      {"USER", [](const Node& node, Flags&, char) { return User{single(node, "USER")}; }},
      {"VOLUME", [](const Node& node, Flags&, char) { return parse_volume(node); }},
      {"WORKDIR", [](const Node& node, Flags&, char) { return Workdir{single(node, "WORKDIR")}; }},
  };
  return table;
}

std::vector<std::string> instruction_names() {
  std::vector<std::string> names;
  for (const auto& [name, parser] : parsers()) names.push_back(name);
  return names;
}

}  // namespace

Instruction parse_instruction(const Node& node, char escape) {
  const std::string name = upper(node.name);
  const auto parser = parsers().find(name);
  if (parser == parsers().end()) refuse("unknown instruction: " + node.name + suggestion(name, instruction_names()));
  Flags flags{node};
  Instruction out;
  out.text = trim(node.original);
  out.line = node.line;
  out.last_line = node.last_line;
  out.comments = node.comments;
  out.what = parser->second(node, flags, escape);
  flags.check();
  return out;
}

Recipe parse_recipe(std::string_view text, const std::string& file) {
  const Document document = [&] {
    try {
      return parse_document(text, file);
    } catch (const Error& error) {
      const std::string message = error.what();
      if (message.starts_with("dockerfile ") || message.starts_with("failed to parse ")) throw;
      throw Error{error.code(), "failed to parse " + file + ": " + message};
    }
  }();
  Recipe recipe;
  recipe.escape = document.escape;
  recipe.warnings = document.warnings;
  recipe.gaps = document.gaps;
  recipe.check = document.check;
  for (const Node& node : document.nodes) {
    Instruction instruction;
    try {
      instruction = parse_instruction(node, document.escape);
    } catch (const SyntaxError& error) {
      throw Error{Errc::invalid, "failed to parse " + file + ": " + error.what()};
    } catch (const Error& error) {
      throw_at(node.line, error.what());
    }
    if (auto* from = std::get_if<From>(&instruction.what)) {
      if (!from->stage.empty()) recipe.named[from->stage].push_back(recipe.stages.size());
      recipe.stages.push_back({*from, instruction, {}});
    } else if (!recipe.stages.empty()) {
      recipe.stages.back().instructions.push_back(std::move(instruction));
    } else if (std::holds_alternative<Arg>(instruction.what)) {
      recipe.arguments.push_back(std::move(instruction));
    } else {
      throw Error{Errc::invalid, "no build stage in current context"};
    }
  }
  if (recipe.stages.empty()) throw Error{Errc::invalid, "no build stage in current context"};
  return recipe;
}

}  // namespace gantry::dockerfile
