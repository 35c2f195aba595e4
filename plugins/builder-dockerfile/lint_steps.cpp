#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "address.hpp"
#include "lint.hpp"
#include "stage_build.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

/// An image that stages stand on. It is asked for when a variable may be one of its.
struct LintBase {
  std::string reference;
  std::string platform;
  bool asked{};
  std::optional<std::vector<std::string>> env;  ///< None: nobody knows.
};

/// What a stage has come to.
struct LintScope {
  explicit LintScope(Arguments at_start) : arguments(std::move(at_start)) {}

  Arguments arguments;
  std::vector<std::string> env;
  std::shared_ptr<LintBase> base;  ///< None: "scratch".
  std::vector<std::string> triggers;
  bool has_shell{};
  bool has_directory{};
};

/// The instruction's name as the user wrote it.
std::string written_name(const Instruction& instruction) {
  const auto words = split_blanks(instruction.text);
  return words.empty() ? "" : words.front();
}

/// By the words that a variable's name is made of.
bool sounds_secret(const std::string& name) {
  static const std::set<std::string> telling{"apikey",   "auth",  "credential", "credentials", "key",
                                             "password", "pword", "passwd",     "secret",      "token"};
  static const std::set<std::string> harmless{"public", "file", "version"};
  const auto words = split(lower(name), '_');
  const auto has_one_of = [&](const std::set<std::string>& list) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return list.contains(word); });
  };
  return has_one_of(telling) && !has_one_of(harmless);
}

class StepLint {
  // A stranger's recipe may have any number of variables.
  static constexpr std::size_t kMostSuggestions = 100;

 public:
  StepLint(const LintSubject& subject, const AddFinding& add) : subject_(subject), recipe_(subject.recipe), add_(add) {}

  void run() {
    for (std::size_t at = 0; at < recipe_.stages.size(); ++at) look_at(at);
  }

 private:
  void add(const char* rule, std::string text) const {
    if (looks_) add_(rule, std::move(text), *current_);
  }

  void look_at(std::size_t stage) {
    const Stage& wanted = recipe_.stages[stage];
    looks_ = subject_.stages.contains(stage);
    before_.clear();
    scopes_.emplace_back(subject_.arguments);
    scope_ = &scopes_.back();
    const std::vector<std::string> triggers = start(wanted, stage);
    for (const std::string& trigger : triggers) run_trigger(trigger, wanted.header);
    for (const Instruction& instruction : wanted.instructions) look_at(instruction);
  }

  /// Answers what the stage below has left to be done.
  std::vector<std::string> start(const Stage& wanted, std::size_t stage) {
    const Variables global = subject_.arguments.global();
    const auto base = try_expand(wanted.from.base, recipe_.escape, global);
    const auto platform = try_expand(wanted.from.platform, recipe_.escape, global);
    if (!base || base->text == "scratch") return {};
    if (const auto parent = find_base_stage(recipe_, base->text, stage)) {
      const LintScope& below = scopes_[*parent];
      scope_->arguments.inherit(below.arguments.of_stage());
      scope_->env = below.env;
      scope_->base = below.base;
      scope_->has_shell = below.has_shell;
      scope_->has_directory = below.has_directory;
      return below.triggers;
    }
    scope_->base = std::make_shared<LintBase>();
    scope_->base->reference = base->text;
    scope_->base->platform = platform ? platform->text : "";
    return {};
  }

  /// What is found in a trigger is shown at the FROM that sets it off.
  void run_trigger(const std::string& trigger, const Instruction& header) {
    try {
      const Document document = parse_document(trigger, "ONBUILD");
      for (const Node& node : document.nodes) {
        // Kept: a later instruction may be told to be in vain because of it.
        Instruction& instruction = set_off_.emplace_back(parse_instruction(node, recipe_.escape));
        instruction.line = header.line;
        instruction.last_line = header.last_line;
        instruction.comments = header.comments;
        look_at(instruction);
      }
    } catch (const Error&) {
      // The build says so itself.
    }
  }

  void look_at(const Instruction& instruction) {
    current_ = &instruction;
    try {
      std::visit([this](const auto& what) { step(what); }, instruction.what);
    } catch (const Error&) {
      // A word that is wrong: the build says so itself.
    }
  }

  /// Asks for the image below, once. False if there is nothing new.
  bool learn_base() {
    LintBase* base = scope_->base.get();
    if (base == nullptr || std::exchange(base->asked, true)) return false;
    const auto config = subject_.base(base->reference, base->platform);
    // Its triggers might set anything.
    if (config && config->on_build.empty()) base->env = config->env;
    return base->env.has_value();
  }

  [[nodiscard]] std::optional<std::string> value_of(std::string_view name,
                                                    const std::vector<std::string>& allowed) const {
    if (auto value = find_variable(scope_->env, name)) return value;
    if (scope_->base != nullptr && scope_->base->env) {
      if (auto value = find_variable(*scope_->base->env, name)) return value;
    }
    if (auto value = find_variable(allowed, name)) return value;
    return name == "PATH" ? std::optional<std::string>{"/"} : std::nullopt;
  }

  template <class Work>
  auto with_variables(const Work& work) {
    std::set<std::string> missing;
    const std::vector<std::string> allowed = scope_->arguments.allowed(scope_->env);
    const Variables variables = [&](std::string_view name) {
      auto value = value_of(name, allowed);
      if (!value && !scope_->arguments.of_stage().contains(std::string{name})) missing.emplace(name);
      return value;
    };
    auto out = work(variables);
    if (!missing.empty() && looks_ && learn_base()) {
      missing.clear();
      out = work(variables);
    }
    report(missing);
    return out;
  }

  std::string expanded(const std::string& word) {
    return with_variables([&](const Variables& variables) { return expand(word, recipe_.escape, variables); });
  }

  void report(const std::set<std::string>& missing) {
    if (scope_->base != nullptr && !scope_->base->env) return;  // They may be the image's.
    for (const std::string& name : missing) {
      // For the builder, not for commands.
      if (name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE") continue;
      const std::string meant = suggested_++ < kMostSuggestions ? closest(name, known_names()) : std::string{};
      add("UndefinedVar",
          "Usage of undefined variable '$" + name + "'" + (meant.empty() ? "" : " (did you mean $" + meant + "?)"));
    }
  }

  [[nodiscard]] std::vector<std::string> known_names() const {
    std::vector<std::string> out{"PATH"};
    const auto take = [&](const std::vector<std::string>& variables) {
      for (const std::string& variable : variables) out.push_back(variable.substr(0, variable.find('=')));
    };
    if (scope_->base != nullptr && scope_->base->env) take(*scope_->base->env);
    take(scope_->env);
    take(scope_->arguments.allowed(scope_->env));
    return out;
  }

  void secret(const char* kind, const std::string& name) const {
    if (!sounds_secret(name)) return;
    add("SecretsUsedInArgOrEnv",
        std::string{"Do not use ARG or ENV instructions for sensitive data ("} + kind + " " + quote(name) + ")");
  }

  void old_form(bool is_old) const {
    if (!is_old) return;
    const std::string name = written_name(*current_);
    add("LegacyKeyValueFormat",
        "\"" + name + " key=value\" should be used instead of legacy \"" + name + " key value\" format");
  }

  /// Every one but the last is in vain: told where the earlier one is.
  void once(const char* kind) {
    const Instruction* earlier = std::exchange(before_[kind], current_);
    if (earlier == nullptr || !looks_) return;
    add_("MultipleInstructionsDisallowed",
         "Multiple " + written_name(*current_) +
             " instructions should not be used in the same stage because only the last one will be used",
         *earlier);
  }

  void in_json(const Command& command) const {
    if (!command.shell || command.words.empty() || scope_->has_shell) return;
    add("JSONArgsRecommended", "JSON arguments recommended for " + written_name(*current_) +
                                   " to prevent unintended behavior related to OS signals");
  }

  void step(const Arg& arg) {
    for (const auto& [name, value] : arg.defaults) {
      secret("ARG", name);
      std::optional<std::string> known = value;
      if (known && !scope_->arguments.is_given(name)) known = expanded(*known);
      scope_->arguments.declare(name, known);
    }
  }

  void step(const Env& env) {
    old_form(env.old_form);
    Pairs variables;
    for (const auto& [name, value] : env.variables) {
      secret("ENV", name);
      std::string known = expanded(name);
      variables.emplace_back(std::move(known), expanded(value));
    }
    for (const auto& [name, value] : variables) set_variable(scope_->env, name, value);
  }

  void step(const Label& label) {
    old_form(label.old_form);
    for (const auto& [name, value] : label.labels) {
      expanded(name);
      expanded(value);
    }
  }

  void step(const Copy& copy) {
    for (const std::string* word : {&copy.owner, &copy.mode, &copy.checksum}) expanded(*word);
    for (const std::string& word : copy.sources) {
      const std::string source = expanded(word);
      if (copy.from.empty() && !is_address(source)) ignored(copy, source);
    }
    expanded(copy.destination);
    for (const Heredoc& heredoc : copy.heredocs) {
      if (!heredoc.expand) continue;
      with_variables([&](const Variables& variables) { return expand_raw(heredoc.content, '\\', variables); });
    }
  }

  /// If something may be taken back, what is in an ignored directory may be there all the same.
  void ignored(const Copy& copy, const std::string& source) const {
    const auto& patterns = subject_.ignored;
    if (patterns.empty() || patterns.takes_back()) return;
    const std::string path = path_patterns::clean_in_root(source);
    if (path.empty() || !patterns.matches(path)) return;
    add("CopyIgnoredFile", std::string{"Attempting to "} + (copy.add ? "Add" : "Copy") + " file " + quote(path) +
                               " that is excluded by .dockerignore");
  }

  void step(const Run& run) {
    for (const RunMount& mount : run.mounts) {
      for (const std::string* word : {&mount.target, &mount.source, &mount.id}) expanded(*word);
    }
  }

  void step(const Cmd& cmd) {
    once("CMD");
    in_json(cmd.command);
  }

  void step(const Entrypoint& entrypoint) {
    once("ENTRYPOINT");
    in_json(entrypoint.command);
  }

  void step(const HealthCheck&) { once("HEALTHCHECK"); }

  void step(const Expose& expose) {
    for (const std::string& text : expose.ports) {
      const auto words =
          with_variables([&](const Variables& variables) { return expand_words(text, recipe_.escape, variables); });
      for (const std::string& port : words) look_at_port(port);
    }
  }

  void look_at_port(const std::string& port) const {
    const std::size_t slash = port.find('/');
    const std::string protocol = slash == std::string::npos ? "" : port.substr(slash + 1);
    if (protocol != lower(protocol)) {
      add("ExposeProtoCasing", "Defined protocol '" + port + "' in EXPOSE instruction should be lowercase");
    }
    if (port.find(':') == std::string::npos) return;
    add("ExposeInvalidFormat",
        "EXPOSE instruction should not define an IP address or host-port mapping, found '" + port + "'");
  }

  void step(const Volume& volume) {
    for (const std::string& path : volume.paths) expanded(path);
  }

  void step(const User& user) { expanded(user.name); }

  void step(const StopSignal& stop_signal) { expanded(stop_signal.signal); }

  /// Only the first counts: what follows stands on it.
  void step(const Workdir& workdir) {
    const std::string path = expanded(workdir.path);
    if (!std::exchange(scope_->has_directory, true) && !path.starts_with('/')) {
      add("WorkdirRelativePath",
          "Relative workdir " + quote(path) + " can have unexpected results if the base image changes");
    }
  }

  void step(const Shell&) { scope_->has_shell = true; }
  void step(const OnBuild& on_build) { scope_->triggers.push_back(on_build.instruction); }
  void step(const From&) {}
  void step(const Maintainer&) {}

  const LintSubject& subject_;
  const Recipe& recipe_;
  const AddFinding& add_;
  std::deque<LintScope> scopes_;  ///< By stage.
  std::deque<Instruction> set_off_;
  LintScope* scope_{};  ///< The present one.
  const Instruction* current_{};
  bool looks_{};
  std::size_t suggested_{};
  std::map<std::string, const Instruction*> before_;  ///< Of this stage, those that should be there once.
};

}  // namespace

void lint_steps(const LintSubject& subject, const AddFinding& add) { StepLint{subject, add}.run(); }

}  // namespace gantry::dockerfile
