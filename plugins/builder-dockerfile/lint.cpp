#include "lint.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "text.hpp"
#include "words.hpp"

namespace gantry::dockerfile {
namespace {

class Lint {
 public:
  explicit Lint(const Recipe& recipe) : recipe_(recipe) {}

  std::vector<Finding> run() {
    for (const Instruction& instruction : recipe_.arguments) look_at(instruction);
    for (const Stage& stage : recipe_.stages) look_at(stage);
    casing();
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Finding& left, const Finding& right) { return left.line < right.line; });
    return std::move(found_);
  }

 private:
  void add(const char* rule, std::string text, std::size_t line) { found_.push_back({rule, std::move(text), line}); }

  void look_at(const Stage& stage) {
    from(stage);
    arguments_of(stage);
    std::size_t commands = 0;
    std::size_t entrypoints = 0;
    std::size_t health_checks = 0;
    for (const Instruction& instruction : stage.instructions) {
      look_at(instruction);
      commands += std::holds_alternative<Cmd>(instruction.what) ? 1 : 0;
      entrypoints += std::holds_alternative<Entrypoint>(instruction.what) ? 1 : 0;
      health_checks += std::holds_alternative<HealthCheck>(instruction.what) ? 1 : 0;
    }
    once(stage, commands, "CMD", [](const Instruction& one) { return std::holds_alternative<Cmd>(one.what); });
    once(stage, entrypoints, "ENTRYPOINT",
         [](const Instruction& one) { return std::holds_alternative<Entrypoint>(one.what); });
    once(stage, health_checks, "HEALTHCHECK",
         [](const Instruction& one) { return std::holds_alternative<HealthCheck>(one.what); });
  }

  /// Every one but the last is in vain.
  template <class Is>
  void once(const Stage& stage, std::size_t count, const std::string& name, Is is) {
    for (const Instruction& instruction : stage.instructions) {
      if (!is(instruction) || --count == 0) continue;
      add("MultipleInstructionsDisallowed",
          "Multiple " + name +
              " instructions should not be used in the same stage because only the last one will be used",
          instruction.line);
    }
  }

  void from(const Stage& stage) {
    const std::size_t line = stage.header.line;
    const auto words = split_blanks(stage.header.text);
    const auto as =
        std::find_if(words.begin(), words.end(), [](const std::string& word) { return lower(word) == "as"; });
    if (as != words.end() && as + 1 != words.end()) {
      const std::string& name = *(as + 1);
      if (name != lower(name)) add("StageNameCasing", "Stage name '" + name + "' should be lowercase", line);
      if ((*as == "as") != (words.front() == "from") || (*as == "AS") != (words.front() == "FROM")) {
        add("FromAsCasing", "'" + *as + "' and '" + words.front() + "' keywords' casing do not match", line);
      }
      if (lower(name) == "scratch" || lower(name) == "context") {
        add("ReservedStageName", "Stage name should not use the same name as reserved stage " + quote(lower(name)),
            line);
      }
      if (!names_.insert(lower(name)).second) {
        add("DuplicateStageName", "Duplicate stage name " + quote(name) + ", stage names should be unique", line);
      }
    }
    const std::string& platform = stage.from.platform;
    if (platform == "$TARGETPLATFORM" || platform == "${TARGETPLATFORM}") {
      add("RedundantTargetPlatform",
          "Setting platform to predefined " + platform + " in FROM is redundant as this is the default behavior", line);
    } else if (!platform.empty() && platform.find('$') == std::string::npos) {
      add("FromPlatformFlagConstDisallowed", "FROM --platform flag should not use constant value " + quote(platform),
          line);
    }
  }

  /// What FROM makes of the arguments before it, as long as nobody gives them other values.
  void arguments_of(const Stage& stage) {
    static const std::vector<std::string> predefined{"BUILDPLATFORM", "BUILDOS",          "BUILDARCH", "BUILDVARIANT",
                                                     "TARGETSTAGE",   "TARGETPLATFORM",   "TARGETOS",  "TARGETARCH",
                                                     "TARGETVARIANT", "SOURCE_DATE_EPOCH"};
    std::map<std::string, std::string, std::less<>> defaults;
    std::vector<std::string> known = predefined;
    for (const Instruction& instruction : recipe_.arguments) {
      for (const auto& [name, value] : std::get<Arg>(instruction.what).defaults) {
        defaults[name] = value.value_or("");
        known.push_back(name);
      }
    }
    std::set<std::string> unknown;
    const Variables variables = [&](std::string_view name) -> std::optional<std::string> {
      if (const auto found = defaults.find(name); found != defaults.end()) return found->second;
      const bool told = std::find(predefined.begin(), predefined.end(), name) != predefined.end();
      if (!told) unknown.emplace(name);
      return told ? std::optional<std::string>{"linux"} : std::nullopt;
    };
    const std::size_t line = stage.header.line;
    std::string base;
    try {
      base = expand(stage.from.base, recipe_.escape, variables);
      static_cast<void>(expand(stage.from.platform, recipe_.escape, variables));
    } catch (const Error&) {
      return;  // The build says so itself.
    }
    for (const std::string& name : unknown) {
      add("UndefinedArgInFrom", "FROM argument '" + name + "' is not declared" + suggestion(name, known), line);
    }
    if (base.empty() || base.ends_with(':') || base.ends_with('@') || base.ends_with('/')) {
      add("InvalidDefaultArgInFrom",
          "Default value for ARG " + stage.from.base + " results in empty or invalid base image name", line);
    }
  }

  void expose(const Expose& expose, std::size_t line) {
    for (const std::string& port : expose.ports) {
      const std::size_t slash = port.find('/');
      const std::string protocol = slash == std::string::npos ? "" : port.substr(slash + 1);
      if (protocol.find('$') == std::string::npos && protocol != lower(protocol)) {
        add("ExposeProtoCasing", "Defined protocol '" + port + "' in EXPOSE instruction should be lowercase", line);
      }
      if (port.find('$') == std::string::npos && port.find(':') != std::string::npos) {
        add("ExposeInvalidFormat",
            "EXPOSE instruction should not define an IP address or host-port mapping, found '" + port + "'", line);
      }
    }
  }

  void look_at(const Instruction& instruction) {
    const std::size_t line = instruction.line;
    if (std::holds_alternative<Maintainer>(instruction.what)) {
      add("MaintainerDeprecated", "Maintainer instruction is deprecated in favor of using label", line);
    }
    if (const auto* cmd = std::get_if<Cmd>(&instruction.what)) in_json("CMD", cmd->command, line);
    if (const auto* entrypoint = std::get_if<Entrypoint>(&instruction.what)) {
      in_json("ENTRYPOINT", entrypoint->command, line);
    }
    if (const auto* workdir = std::get_if<Workdir>(&instruction.what)) {
      const bool relative = !workdir->path.starts_with('/') && !workdir->path.starts_with('$');
      if (relative && !absolute_) {
        add("WorkdirRelativePath",
            "Relative workdir " + quote(workdir->path) + " can have unexpected results if the base image changes",
            line);
      }
      absolute_ = absolute_ || !relative;
    }
    if (std::holds_alternative<From>(instruction.what)) absolute_ = false;
    if (const auto* env = std::get_if<Env>(&instruction.what)) {
      for (const auto& [name, value] : env->variables) secret("ENV", name, line);
      old_form("ENV", instruction);
    }
    if (const auto* ports = std::get_if<Expose>(&instruction.what)) expose(*ports, line);
    if (std::holds_alternative<Label>(instruction.what)) old_form("LABEL", instruction);
    if (const auto* arg = std::get_if<Arg>(&instruction.what)) {
      for (const auto& [name, value] : arg->defaults) secret("ARG", name, line);
    }
  }

  void in_json(const std::string& name, const Command& command, std::size_t line) {
    if (!command.shell || command.words.empty()) return;
    add("JSONArgsRecommended",
        "JSON arguments recommended for " + name + " to prevent unintended behavior related to OS signals", line);
  }

  void old_form(const std::string& name, const Instruction& instruction) {
    const auto words = split_blanks(instruction.text);
    if (words.size() < 2 || instruction.line == 0 || words[1].find('=') != std::string::npos) return;
    add("LegacyKeyValueFormat",
        "\"" + name + " key=value\" should be used instead of legacy \"" + name + " key value\" format",
        instruction.line);
  }

  /// By the words that its name is made of.
  void secret(const std::string& kind, const std::string& name, std::size_t line) {
    static const std::set<std::string> telling{"apikey",   "auth",  "credential", "credentials", "key",
                                               "password", "pword", "passwd",     "secret",      "token"};
    const auto words = split(lower(name), '_');
    const bool is_public = std::find(words.begin(), words.end(), "public") != words.end();
    const bool tells =
        std::any_of(words.begin(), words.end(), [](const std::string& word) { return telling.contains(word); });
    if (!tells || is_public) return;
    add("SecretsUsedInArgOrEnv",
        "Do not use ARG or ENV instructions for sensitive data (" + kind + " " + quote(name) + ")", line);
  }

  void casing() {
    std::vector<std::pair<std::string, std::size_t>> all;
    const auto take = [&](const Instruction& instruction) {
      if (instruction.line != 0) all.emplace_back(split_blanks(instruction.text).front(), instruction.line);
    };
    for (const Instruction& instruction : recipe_.arguments) take(instruction);
    for (const Stage& stage : recipe_.stages) {
      take(stage.header);
      for (const Instruction& instruction : stage.instructions) take(instruction);
    }
    std::size_t lowers = 0;
    std::size_t uppers = 0;
    for (const auto& [name, line] : all) {
      lowers += name == lower(name) ? 1 : 0;
      uppers += name == upper(name) ? 1 : 0;
    }
    const bool is_lower = lowers > uppers;
    for (const auto& [name, line] : all) {
      if (name == (is_lower ? lower(name) : upper(name))) continue;
      add("ConsistentInstructionCasing",
          "Command '" + name + "' should match the case of the command majority (" +
              (is_lower ? "lowercase" : "uppercase") + ")",
          line);
    }
  }

  const Recipe& recipe_;
  std::set<std::string> names_;
  bool absolute_ = false;
  std::vector<Finding> found_;
};

}  // namespace

std::string show_finding(const Finding& finding) {
  return finding.rule + ": " + finding.text + " (line " + std::to_string(finding.line) + ")";
}

CheckOptions parse_check(const std::string& text) {
  CheckOptions out;
  for (const std::string& part : split(text, ';')) {
    if (trim(part).empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string key{trim(std::string_view{part}.substr(0, equals))};
    const std::string value{equals == std::string::npos ? "" : trim(std::string_view{part}.substr(equals + 1))};
    if (key == "skip") {
      for (const std::string& rule : split(value, ',')) out.skip.emplace_back(trim(rule));
    } else if (key == "error" && (value == "true" || value == "false")) {
      out.error = value == "true";
    } else if (key != "experimental") {
      throw Error{Errc::invalid, "invalid check option " + quote(part) + ": use skip=RULE,... or error=true"};
    }
  }
  return out;
}

std::vector<Finding> lint(const Recipe& recipe) {
  const CheckOptions options = parse_check(recipe.check);
  std::vector<Finding> out = Lint{recipe}.run();
  std::erase_if(out, [&](const Finding& finding) {
    return std::any_of(options.skip.begin(), options.skip.end(), [&](const std::string& rule) {
      return lower(rule) == "all" || lower(rule) == lower(finding.rule);
    });
  });
  return out;
}

}  // namespace gantry::dockerfile
