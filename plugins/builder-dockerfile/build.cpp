#include "build.hpp"

#include <algorithm>
#include <charconv>

#include "build_origins.hpp"
#include "source_excerpt.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

/// The recipe of a context; what is wrong with it is shown with its line.
Recipe parse_shown(const Context& context, builder::v1::Session& session) {
  try {
    return parse_recipe(context.recipe(), context.recipe_name());
  } catch (const Error& error) {
    show_source(session, 0, context, line_named_in(error.what()), 0);
    throw;
  }
}

/// When all that is made was made, so that the same build gives the same image whenever it runs.
std::optional<std::int64_t> source_date(const builder::v1::Request& request) {
  for (const auto& [name, value] : request.arguments) {
    if (name != "SOURCE_DATE_EPOCH" || !value || value->empty()) continue;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), seconds);
    // What a tar archive's header has room for: up to the year 2242.
    const bool usable =
        error == std::errc{} && end == value->data() + value->size() && seconds >= 0 && seconds <= 077777777777;
    if (!usable) {
      throw Error{Errc::invalid, "invalid SOURCE_DATE_EPOCH: " + quote(*value) + ": seconds since 1970 are expected"};
    }
    return seconds;
  }
  return {};
}

}  // namespace

Build::Build(const builder::v1::Request& request, Context& context, Tools tools, builder::v1::Session& session,
             const Call& call)
    : recipe_(parse_shown(context, session)), arguments_(request), shared_{request,    context, std::move(tools),
                                                                           session,    call,    recipe_,
                                                                           arguments_, bounds_, source_date(request)} {}

std::size_t Build::last_stage() const {
  const std::string& target = shared_.request.target;
  if (target.empty()) return recipe_.stages.size() - 1;
  const auto found = find_base_stage(recipe_, target, recipe_.stages.size());
  if (!found) throw Error{Errc::invalid, "target stage " + quote(target) + " could not be found"};
  return *found;
}

/// The stages whose instructions matter: who wants a check and names no target gets to know of all.
std::set<std::size_t> Build::stages_to_check() const {
  std::set<std::size_t> out;
  if (shared_.request.check_only && shared_.request.target.empty()) {
    for (std::size_t stage = 0; stage < recipe_.stages.size(); ++stage) out.insert(stage);
  }
  for (const auto& [stage, needs] : needed_) out.insert(stage);
  return out;
}

void Build::check() const {
  auto* display = static_cast<builder::v1::Display*>(shared_.session.query(builder::v1::Display::kService));
  // Docker's classic builder has no such warnings, and no directive for them.
  if (display == nullptr) return;
  const BaseConfig base = [this](const std::string& reference, const std::string& platform) {
    builder::v1::Image image;
    const auto named = shared_.context.image_named(reference);
    try {
      const std::string& wanted = platform.empty() ? shared_.request.platform : platform;
      shared_.session.image(named ? *named : reference, wanted, false, image);
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled) throw;
      return std::optional<builder::v1::Config>{};
    }
    return std::optional{image.config};
  };
  const LintSubject subject{recipe_,
                            arguments_,
                            stages_to_check(),
                            shared_.context.ignored(),
                            base,
                            check_options(shared_.request, recipe_),
                            shared_.call};
  std::set<std::string> rules;
  const Findings findings = lint(subject);
  for (const Finding& finding : findings.list) {
    std::string text = show_finding(finding);
    if (shared_.request.check_only) text += "\n" + explained(finding);
    display->report({builder::v1::StepReport::Kind::warning, 0, text});
    rules.insert(finding.rule);
  }
  if (!findings.whole) {
    const char* partly = "the Dockerfile was only checked in part: there is too much in it";
    if (rules.empty() && subject.options.error) throw Error{Errc::invalid, partly};
    shared_.session.output(std::string{"[Warning] "} + partly + "\n");
  }
  if (rules.empty() || !subject.options.error) return;
  throw Error{Errc::invalid, "lint violation found for rules: " + join({rules.begin(), rules.end()}, ", ")};
}

std::string Build::explained(const Finding& finding) const {
  const Context& context = shared_.context;
  return explain_finding(finding) + source_excerpt(context.recipe_name(), context.recipe(), finding.line,
                                                   std::max(finding.line, finding.last_line));
}

std::string Build::run() {
  const std::size_t last = last_stage();
  take_global_arguments();
  // What no later stage takes anything from is not built.
  needed_ = needed_stages(recipe_, arguments_, last, shared_.call);
  check();
  if (shared_.request.check_only) return {};
  for (const auto& [name, value] : shared_.request.labels) {
    recipe_.stages[last].instructions.push_back({"LABEL " + name + "=" + value, 0, 0, Label{{{name, value}}}});
  }
  auto& session = shared_.session;
  schedule_ = std::make_unique<Schedule>(needed_,
                                         static_cast<builder::v1::Steps*>(session.query(builder::v1::Steps::kService)));
  Transcript transcript{session, schedule_->order()};
  show_start(transcript);
  const bool all = session.query(builder::v1::Display::kService) != nullptr;
  try {
    schedule_->run([&](std::size_t stage) { return build_stage(stage, transcript); }, all);
  } catch (...) {
    transcript.flush();
    throw;
  }
  show_unused();
  tell_origins();
  const std::string image = schedule_->result(last, last + 1)->image;
  if (image.empty()) throw Error{Errc::invalid, "No image was generated. Is your Dockerfile empty?"};
  return image;
}

void Build::tell_origins() const {
  builder::v1::Origins* origins = origins_of(shared_.session);
  if (origins == nullptr) return;
  const auto materials = shared_.context.materials();
  for (const auto& material : materials) origins->material(material);
  origins->recipe(shared_.context.recipe_name(), shared_.context.recipe());
}

void Build::take_global_arguments() {
  for (const Instruction& instruction : recipe_.arguments) {
    for (const auto& [name, value] : std::get<Arg>(instruction.what).defaults) {
      std::optional<std::string> known = value;
      std::size_t cost = 0;
      if (known) known = expand(*known, recipe_.escape, arguments_.global(), &cost);
      bounds_.work(cost, instruction.line);
      bounds_.keep(known ? known->size() : 0, instruction.line);
      arguments_.declare_global(name, known);
    }
  }
}

void Build::show_start(Transcript& transcript) {
  const std::size_t first = needed_.begin()->first;
  steps_ = recipe_.arguments.size();
  for (const auto& [stage, needs] : needed_) steps_ += 1 + recipe_.stages[stage].instructions.size();
  for (const std::string& warning : recipe_.warnings) transcript.say(first, "\033[91m" + warning + "\n\033[0m");
  std::size_t step = 0;
  for (const Instruction& instruction : recipe_.arguments) {
    transcript.say(first, step_line(++step, steps_, instruction.text));
  }
  for (const auto& [stage, needs] : needed_) {
    first_steps_[stage] = step;
    step += 1 + recipe_.stages[stage].instructions.size();
  }
}

StageState Build::build_stage(std::size_t stage, Transcript& transcript) {
  const StageName name{stage, recipe_.stages[stage].from.stage, first_steps_.at(stage), steps_};
  Voice voice{shared_.session, shared_.context, transcript, name, recipe_.stages[stage]};
  StageBuild work{shared_, stage, *schedule_, voice};
  StageState out = work.run();
  bounds_.keep(weight_of(out), recipe_.stages[stage].header.line);
  transcript.finish(stage);
  const std::lock_guard lock{mutex_};
  const std::set<std::string>& used = work.arguments().used();
  used_.insert(used.begin(), used.end());
  return out;
}

void Build::show_unused() {
  const std::vector<std::string> unused = arguments_.unused(used_);
  if (unused.empty()) return;
  shared_.session.output("[Warning] One or more build-args [" + join(unused, " ") + "] were not consumed\n");
}

}  // namespace gantry::dockerfile
