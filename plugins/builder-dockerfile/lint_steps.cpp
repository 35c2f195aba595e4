#include <algorithm>
#include <climits>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "address.hpp"
#include "lint.hpp"
#include "lint_scope.hpp"
#include "stage_graph.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

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

/// What is looked at, and where what is found is shown: of a trigger, at the FROM that sets it off.
struct LintPlace {
  const Instruction* written{};
  const Instruction* at{};
};

class StepLint {
 public:
  StepLint(const LintSubject& subject, LintWork& work, const AddFinding& add)
      : subject_(subject), recipe_(subject.recipe), work_(work), add_(add), global_(subject.arguments.global()) {}

  void run() {
    find_stages();
    for (const auto& [stage, start] : starts_) look_at(stage, start);
  }

 private:
  struct Start {
    std::optional<Expanded> base;
    std::optional<std::size_t> parent;
  };

  void add(const char* rule, std::string text) const {
    if (looks_) add_(rule, std::move(text), *current_.at);
  }

  /// Those that are to be looked at and those that they stand on.
  void find_stages() {
    for (const std::size_t stage : subject_.stages) starts_[stage];
    for (auto at = starts_.rbegin(); at != starts_.rend(); ++at) {
      Start& start = at->second;
      start.base = try_expand(recipe_.stages[at->first].from.base, recipe_.escape, global_, work_);
      if (start.base) start.parent = find_base_stage(recipe_, start.base->text, at->first);
      if (start.parent) starts_[*start.parent];
    }
  }

  void look_at(std::size_t stage, const Start& from) {
    const Stage& wanted = recipe_.stages[stage];
    looks_ = subject_.stages.contains(stage);
    before_.clear();
    scope_ = &scopes_[stage];
    start(wanted, from);
    if (from.parent) {
      for (const Instruction& trigger : scopes_[*from.parent].triggers) look_at({&trigger, &wanted.header});
    }
    for (const Instruction& instruction : wanted.instructions) look_at({&instruction, &instruction});
  }

  void start(const Stage& wanted, const Start& from) {
    if (from.parent) {
      const LintScope& below = scopes_[*from.parent];
      scope_->below = below.variables();
      scope_->base = below.base;
      scope_->has_shell = below.has_shell;
      scope_->has_directory = below.has_directory;
    } else if (from.base && from.base->text != "scratch") {
      const auto platform = try_expand(wanted.from.platform, recipe_.escape, global_, work_);
      scope_->base = base_of(from.base->text, platform ? platform->text : "");
    }
  }

  /// One for all stages, so that each image is asked for once.
  std::shared_ptr<LintBase> base_of(const std::string& reference, const std::string& platform) {
    auto& base = bases_[{reference, platform}];
    if (!base) base = std::make_shared<LintBase>(LintBase{reference, platform, false, {}});
    return base;
  }

  void look_at(const LintPlace& place) {
    work_.spend(LintWork::kStep);
    current_ = place;
    try {
      std::visit([this](const auto& what) { step(what); }, place.written->what);
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled) throw;
      // A word that is wrong: the build says so itself.
    }
  }

  /// Where the stage's own variables are.
  LintVariables& own() {
    if (scope_->own == nullptr) scope_->own = &layers_.emplace_back(scope_->below, subject_.arguments, work_);
    return *scope_->own;
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

  [[nodiscard]] std::optional<std::string> value_of(std::string_view name) const {
    const LintVariables* variables = scope_->variables();
    if (variables != nullptr) {
      if (const std::string* value = variables->env(name)) return *value;
    }
    if (scope_->base != nullptr && scope_->base->env) {
      work_.spend(scope_->base->env->size());
      if (auto value = find_variable(*scope_->base->env, name)) return value;
    }
    if (auto value = variables != nullptr ? variables->argument(name)
                                          : subject_.arguments.in_stage(std::string{name}, nullptr)) {
      return value;
    }
    return name == "PATH" ? std::optional<std::string>{"/"} : std::nullopt;
  }

  [[nodiscard]] bool is_declared(std::string_view name) const {
    return scope_->variables() != nullptr && scope_->variables()->is_declared(name);
  }

  /// `work`: expands something, and adds up what it costs.
  template <class Work>
  auto with_variables(const Work& work) {
    std::set<std::string> missing;
    const Variables variables = [&](std::string_view name) {
      auto value = value_of(name);
      if (!value && !is_declared(name)) missing.emplace(name);
      return value;
    };
    const auto paid = [&] {
      std::size_t cost = LintWork::kStep;
      try {
        auto out = work(variables, &cost);
        work_.spend(cost);
        return out;
      } catch (const Error&) {
        work_.spend(cost);
        throw;
      }
    };
    auto out = paid();
    if (!missing.empty() && looks_ && learn_base()) {
      missing.clear();
      out = paid();
    }
    report(missing);
    return out;
  }

  std::string expanded(const std::string& word) {
    return with_variables(
        [&](const Variables& variables, std::size_t* cost) { return expand(word, recipe_.escape, variables, cost); });
  }

  void report(const std::set<std::string>& missing) {
    if (scope_->base != nullptr && !scope_->base->env) return;  // They may be the image's.
    for (const std::string& name : missing) {
      // For the builder, not for commands.
      if (name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE") continue;
      const std::string meant = work_.may_suggest() ? closest(name, known_names()) : std::string{};
      add("UndefinedVar",
          "Usage of undefined variable '$" + name + "'" + (meant.empty() ? "" : " (did you mean $" + meant + "?)"));
    }
  }

  /// One more than `closest` looks at is as good as all.
  [[nodiscard]] std::vector<std::string> known_names() const {
    std::vector<std::string> out{"PATH"};
    if (scope_->base != nullptr && scope_->base->env) {
      for (const std::string& variable : *scope_->base->env) out.push_back(variable.substr(0, variable.find('=')));
    }
    const LintVariables* variables = scope_->variables();
    return variables == nullptr ? out : variables->names(std::move(out), kMostCandidates + 1);
  }

  void secret(const char* kind, const std::string& name) const {
    if (!sounds_secret(name)) return;
    add("SecretsUsedInArgOrEnv",
        std::string{"Do not use ARG or ENV instructions for sensitive data ("} + kind + " " + quote(name) + ")");
  }

  void old_form(bool is_old) const {
    if (!is_old) return;
    const std::string name = written_name(*current_.written);
    add("LegacyKeyValueFormat",
        "\"" + name + " key=value\" should be used instead of legacy \"" + name + " key value\" format");
  }

  /// Every one but the last is in vain: told where the earlier one is.
  void once(const char* kind) {
    const Instruction* earlier = std::exchange(before_[kind], current_.at);
    if (earlier == nullptr || !looks_) return;
    add_("MultipleInstructionsDisallowed",
         "Multiple " + written_name(*current_.written) +
             " instructions should not be used in the same stage because only the last one will be used",
         *earlier);
  }

  void in_json(const Command& command) const {
    if (!command.shell || command.words.empty() || scope_->has_shell) return;
    add("JSONArgsRecommended", "JSON arguments recommended for " + written_name(*current_.written) +
                                   " to prevent unintended behavior related to OS signals");
  }

  void step(const Arg& arg) {
    for (const auto& [name, value] : arg.defaults) {
      secret("ARG", name);
      std::optional<std::string> known = value;
      if (known && !subject_.arguments.is_given(name)) known = expanded(*known);
      own().declare(name, known);
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
    for (const auto& [name, value] : variables) own().set_env(name, value);
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
      with_variables([&](const Variables& variables, std::size_t* cost) {
        return expand_raw(heredoc.content, '\\', variables, cost);
      });
    }
  }

  /// If something may be taken back, what is in an ignored directory may be there all the same.
  void ignored(const Copy& copy, const std::string& source) const {
    const auto& patterns = subject_.ignored;
    if (patterns.empty() || patterns.takes_back()) return;
    const std::string path = path_patterns::clean_in_root(source);
    // Of no file: and each pattern is compared with all of it as often as it has directories.
    if (path.empty() || path.size() > PATH_MAX) return;
    const auto depth = static_cast<std::size_t>(1 + std::count(path.begin(), path.end(), '/'));
    work_.spend(patterns.size() * depth * (LintWork::kStep + path.size()));
    if (!patterns.matches(path)) return;
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
      const auto words = with_variables([&](const Variables& variables, std::size_t* cost) {
        return expand_words(text, recipe_.escape, variables, cost);
      });
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
  /// Parsed here, once for all the stages that set it off.
  void step(const OnBuild& on_build) {
    const Document document = parse_document(on_build.instruction, "ONBUILD");
    for (const Node& node : document.nodes) scope_->triggers.push_back(parse_instruction(node, recipe_.escape));
  }
  void step(const From&) {}
  void step(const Maintainer&) {}

  const LintSubject& subject_;
  const Recipe& recipe_;
  LintWork& work_;
  const AddFinding& add_;
  const Variables global_;
  std::map<std::size_t, Start> starts_;                                             ///< Of the stages that matter.
  std::map<std::size_t, LintScope> scopes_;                                         ///< The same.
  std::deque<LintVariables> layers_;                                                ///< Of those that set something.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<LintBase>> bases_;  ///< By reference and platform.
  LintScope* scope_{};                                                              ///< The present one.
  LintPlace current_;
  bool looks_{};
  std::map<std::string, const Instruction*> before_;  ///< Of this stage, those that should be there once.
};

}  // namespace

void lint_steps(const LintSubject& subject, LintWork& work, const AddFinding& add) {
  StepLint{subject, work, add}.run();
}

}  // namespace gantry::dockerfile
