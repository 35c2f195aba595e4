#include <algorithm>

#include "image_name.hpp"
#include "lint.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

const std::set<std::string>& predefined_arguments() {
  static const std::set<std::string> names{"BUILDPLATFORM", "BUILDOS",        "BUILDOSVERSION", "BUILDARCH",
                                           "BUILDVARIANT",  "TARGETPLATFORM", "TARGETOS",       "TARGETOSVERSION",
                                           "TARGETARCH",    "TARGETVARIANT",  "TARGETSTAGE",    "SOURCE_DATE_EPOCH"};
  return names;
}

/// Whether a stage is called for the platform that it is built for: then it is meant.
bool names_platform(const std::string& stage, const std::string& platform) {
  const auto parts = split(platform, '/');
  if (parts.size() == 1 && stage.find("linux") != std::string::npos) return true;
  for (std::size_t at = 0; at < std::min(parts.size(), std::size_t{2}); ++at) {
    const std::string part = lower(parts[at]);
    const std::string known = part == "x86_64" || part == "x86-64" ? "amd64" : part == "aarch64" ? "arm64" : part;
    if (stage.find(known) != std::string::npos) return true;
  }
  return false;
}

class FileLint {
 public:
  FileLint(const LintSubject& subject, LintWork& work, const AddFinding& add)
      : subject_(subject), recipe_(subject.recipe), work_(work), add_(add), defaults_(builder::v1::Request{}) {
    for (const std::string& name : predefined_arguments()) known_.push_back(name);
    for (const Instruction& instruction : recipe_.arguments) {
      for (const auto& [name, value] : std::get<Arg>(instruction.what).defaults) known_.push_back(name);
    }
    declared_.insert(known_.begin(), known_.end());
  }

  void run() {
    for (const std::size_t line : recipe_.gaps) {
      Instruction gap;
      gap.line = gap.last_line = line;
      add_("NoEmptyContinuation", "Empty continuation line", gap);
    }
    take_defaults();
    for (const Instruction& instruction : recipe_.arguments) described(instruction);
    for (const Stage& stage : recipe_.stages) {
      look_at(stage);
      for (const Instruction& instruction : stage.instructions) {
        described(instruction);
        if (!std::holds_alternative<Maintainer>(instruction.what)) continue;
        add_("MaintainerDeprecated", "Maintainer instruction is deprecated in favor of using label", instruction);
      }
    }
    casing();
  }

 private:
  /// The arguments before the first stage as if the user had given none.
  void take_defaults() {
    for (const Instruction& instruction : recipe_.arguments) {
      for (const auto& [name, value] : std::get<Arg>(instruction.what).defaults) {
        const auto known = value ? try_expand(*value, recipe_.escape, defaults_.global(), work_) : std::nullopt;
        defaults_.declare_global(name, known ? std::optional{known->text} : std::nullopt);
      }
    }
  }

  void look_at(const Stage& stage) {
    work_.spend(LintWork::kStep);
    if (!stage.from.stage.empty()) name_of(stage);
    platform_of(stage);
    base_of(stage);
    if (!stage.from.stage.empty()) description("FROM", {stage.from.stage}, stage.header);
  }

  void name_of(const Stage& stage) {
    const auto words = split_blanks(stage.header.text);
    const std::string& name = words.back();
    const std::string& as = words[words.size() - 2];
    const std::string& from = words.front();
    const std::string& stage_name = stage.from.stage;
    if (name != stage_name) add_("StageNameCasing", "Stage name '" + name + "' should be lowercase", stage.header);
    const bool matches = from == lower(from) ? as == lower(as) : from != upper(from) || as == upper(as);
    if (!matches) {
      add_("FromAsCasing", "'" + as + "' and '" + from + "' keywords' casing do not match", stage.header);
    }
    if (stage_name == "scratch" || stage_name == "context") {
      add_("ReservedStageName", "Stage name should not use the same name as reserved stage " + quote(stage_name),
           stage.header);
    }
    if (!names_.insert(stage_name).second) {
      add_("DuplicateStageName", "Duplicate stage name " + quote(stage_name) + ", stage names should be unique",
           stage.header);
    }
  }

  void undeclared(const Expanded& expanded, const Stage& stage) {
    for (const std::string& name : expanded.missing) {
      if (declared_.contains(name)) continue;
      const std::string meant = work_.may_suggest() ? closest(name, known_) : std::string{};
      add_("UndefinedArgInFrom",
           "FROM argument '" + name + "' is not declared" + (meant.empty() ? "" : " (did you mean " + meant + "?)"),
           stage.header);
    }
  }

  void platform_of(const Stage& stage) {
    const std::string& platform = stage.from.platform;
    if (platform.empty()) return;
    const Variables global = subject_.arguments.global();
    const auto expanded = try_expand(platform, recipe_.escape, global, work_);
    if (!expanded) return;
    undeclared(*expanded, stage);
    if (expanded->missing.empty() && expanded->found == std::set<std::string>{"TARGETPLATFORM"} &&
        expanded->text == global("TARGETPLATFORM")) {
      add_("RedundantTargetPlatform",
           "Setting platform to predefined " + platform + " in FROM is redundant as this is the default behavior",
           stage.header);
    }
    const bool constant = expanded->missing.empty() && expanded->found.empty();
    if (constant && !names_platform(stage.from.stage, expanded->text)) {
      add_("FromPlatformFlagConstDisallowed",
           "FROM --platform flag should not use constant value " + quote(expanded->text), stage.header);
    }
  }

  void base_of(const Stage& stage) {
    if (const auto expanded = try_expand(stage.from.base, recipe_.escape, subject_.arguments.global(), work_)) {
      undeclared(*expanded, stage);
    }
    const auto usual = try_expand(stage.from.base, recipe_.escape, defaults_.global(), work_);
    if (!usual || (usual->found.empty() && usual->missing.empty()) || is_image_name(usual->text)) return;
    add_("InvalidDefaultArgInFrom",
         "Default value for ARG " + stage.from.base + " results in empty or invalid base image name", stage.header);
  }

  void described(const Instruction& instruction) {
    const auto* arg = std::get_if<Arg>(&instruction.what);
    if (arg == nullptr) return;
    std::vector<std::string> names;
    for (const auto& [name, value] : arg->defaults) names.push_back(name);
    description("ARG", names, instruction);
  }

  /// A comment right before what it describes starts with its name.
  void description(const std::string& kind, const std::vector<std::string>& names, const Instruction& instruction) {
    std::vector<std::string> comments = instruction.comments;
    std::erase_if(comments, [](const std::string& comment) { return comment.starts_with("check="); });
    if (comments.empty()) return;
    const std::string& last = comments.back();
    if (std::find(names.begin(), names.end(), last.substr(0, last.find(' '))) != names.end()) return;
    add_("InvalidDefinitionDescription",
         "Comment for " + kind + " should follow the format: `# " + (names.size() == 1 ? names.front() : "<arg_key>") +
             " <description>`",
         instruction);
  }

  void casing() {
    std::vector<const Instruction*> all;
    for (const Stage& stage : recipe_.stages) {
      all.push_back(&stage.header);
      for (const Instruction& instruction : stage.instructions) all.push_back(&instruction);
    }
    std::size_t lowers = 0;
    std::size_t uppers = 0;
    for (const Instruction* instruction : all) {
      const std::string name = split_blanks(instruction->text).front();
      lowers += name == lower(name) ? 1 : 0;
      uppers += name == upper(name) ? 1 : 0;
    }
    const bool is_lower = lowers > uppers;
    for (const Instruction* instruction : all) {
      const std::string name = split_blanks(instruction->text).front();
      if (name == (is_lower ? lower(name) : upper(name))) continue;
      add_("ConsistentInstructionCasing",
           "Command '" + name + "' should match the case of the command majority (" +
               (is_lower ? "lowercase" : "uppercase") + ")",
           *instruction);
    }
  }

  const LintSubject& subject_;
  const Recipe& recipe_;
  LintWork& work_;
  const AddFinding& add_;
  Arguments defaults_;
  std::vector<std::string> known_;
  std::set<std::string> declared_;  ///< The same.
  std::set<std::string> names_;
};

}  // namespace

void lint_file(const LintSubject& subject, LintWork& work, const AddFinding& add) {
  FileLint{subject, work, add}.run();
}

}  // namespace gantry::dockerfile
