#include "build.hpp"

#include <algorithm>
#include <charconv>

#include "text.hpp"

namespace gantry::dockerfile {

using builder::v1::Image;
using builder::v1::Step;

namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The stages that an instruction takes files from, by name.
std::vector<std::string> origins_of(const Instruction& instruction) {
  if (const auto* copy = std::get_if<Copy>(&instruction.what)) return {copy->from};
  std::vector<std::string> out;
  if (const auto* run = std::get_if<Run>(&instruction.what)) {
    for (const RunMount& mount : run->mounts) out.push_back(mount.from);
  }
  return out;
}

}  // namespace

std::string short_id(const std::string& id) {
  const std::size_t colon = id.find(':');
  return id.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

Build::Build(const builder::v1::Request& request, Context& context, Tools tools, builder::v1::Session& session,
             const Call& call)
    : request_(request),
      context_(context),
      tools_(tools),
      session_(session),
      call_(call),
      recipe_(parse_recipe(context.recipe(), context.recipe_name())),
      arguments_(request) {}

std::string Build::run() {
  std::size_t last = recipe_.stages.size() - 1;
  if (!request_.target.empty()) {
    const auto found = find_stage(lower(request_.target), recipe_.stages.size());
    if (!found) throw Error{Errc::invalid, "target stage " + quote(request_.target) + " could not be found"};
    last = *found;
  }
  for (const auto& [name, value] : request_.labels) {
    recipe_.stages[last].instructions.push_back({"LABEL " + name + "=" + value, 0, Label{{{name, value}}}});
  }
  take_global_arguments();
  find_needed(last);
  steps_ = count_steps();
  for (const std::string& warning : recipe_.warnings) session_.output("\033[91m" + warning + "\n\033[0m");
  for (const Instruction& instruction : recipe_.arguments) announce(instruction.text);
  for (const std::size_t stage : needed_) build_stage(stage);
  const auto unused = arguments_.unused();
  if (!unused.empty())
    session_.output("[Warning] One or more build-args [" + join(unused, " ") + "] were not consumed\n");
  const std::string image = done_.at(last).image;
  if (image.empty()) throw Error{Errc::invalid, "No image was generated. Is your Dockerfile empty?"};
  return image;
}

std::optional<std::size_t> Build::find_stage(const std::string& name, std::size_t before) const {
  for (std::size_t at = before; at-- > 0;) {
    if (!name.empty() && recipe_.stages[at].from.stage == lower(name)) return at;
  }
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && end == name.data() + name.size() && number < before) return number;
  return {};
}

void Build::take_global_arguments() {
  for (const Instruction& instruction : recipe_.arguments) {
    for (const auto& [name, value] : std::get<Arg>(instruction.what).defaults) {
      std::optional<std::string> known = value;
      if (known) known = expand(*known, recipe_.escape, arguments_.global());
      arguments_.declare_global(name, known);
    }
  }
}

// What no later stage takes anything from is not built.
void Build::find_needed(std::size_t stage) {
  if (!needed_.insert(stage).second) return;
  const Stage& wanted = recipe_.stages[stage];
  const std::string base = expand(wanted.from.base, recipe_.escape, arguments_.global());
  // By name only: "FROM 0" is an image.
  const auto parent = find_stage(base, stage);
  if (parent && recipe_.stages[*parent].from.stage == lower(base)) find_needed(*parent);
  for (const Instruction& instruction : wanted.instructions) {
    for (const std::string& name : origins_of(instruction)) {
      if (const auto origin = find_stage(name, stage)) find_needed(*origin);
    }
  }
}

std::size_t Build::count_steps() const {
  std::size_t count = recipe_.arguments.size();
  for (const std::size_t stage : needed_) count += 1 + recipe_.stages[stage].instructions.size();
  return count;
}

void Build::announce(const std::string& text) {
  call_.check();
  session_.output("Step " + std::to_string(++step_) + "/" + std::to_string(steps_) + " : " + text);
  session_.output("\n");
}

void Build::show_image(const std::string& id) { session_.output(" ---> " + short_id(id) + "\n"); }

void Build::build_stage(std::size_t stage) {
  if (done_.contains(stage)) return;
  stage_ = stage;
  state_ = {};
  arguments_.reset();
  start_stage(stage);
  for (const Instruction& instruction : recipe_.stages[stage].instructions) {
    announce(instruction.text);
    dispatch(instruction);
    // Not for an instruction that made no image, as an ARG before everything else.
    if (!state_.image.empty()) show_image(state_.image);
  }
  done_[stage] = state_;
}

void Build::start_stage(std::size_t stage) {
  const Stage& wanted = recipe_.stages[stage];
  announce(wanted.header.text);
  const std::string base = expand(wanted.from.base, recipe_.escape, arguments_.global());
  if (base.empty()) throw Error{Errc::invalid, "base name (" + wanted.from.base + ") should not be blank"};
  const auto parent = find_stage(base, stage);
  if (parent && recipe_.stages[*parent].from.stage == lower(base)) {
    const StageState& known = done_.at(*parent);
    state_.image = known.image;
    state_.config = known.config;
    state_.author = known.author;
  } else if (base != "scratch") {
    std::string platform = expand(wanted.from.platform, recipe_.escape, arguments_.global());
    if (platform.empty()) platform = request_.platform;
    Image image;
    session_.image(base, platform, request_.pull, image);
    state_.image = image.id;
    state_.config = image.config;
    state_.author = image.author;
  }
  if (!find_variable(state_.config.env, "PATH")) set_variable(state_.config.env, "PATH", kDefaultPath);
  const bool triggers = !state_.config.on_build.empty();
  if (triggers) run_triggers();
  show_image(state_.image);
}

void Build::run_triggers() {
  const std::vector<std::string> triggers = std::exchange(state_.config.on_build, {});
  session_.output("# Executing " + std::to_string(triggers.size()) + " build trigger" +
                  (triggers.size() > 1 ? "s" : "") + "\n");
  for (const std::string& trigger : triggers) {
    const Document document = parse_document(trigger, "ONBUILD");
    if (document.nodes.size() != 1) throw Error{Errc::invalid, "onbuild trigger should be a single expression"};
    dispatch(parse_instruction(document.nodes.front(), recipe_.escape));
  }
}

void Build::dispatch(const Instruction& instruction) {
  std::visit([this](const auto& what) { step(what); }, instruction.what);
}

Variables Build::variables() const {
  return [this, allowed = arguments_.allowed(state_.config.env)](std::string_view name) {
    auto value = find_variable(state_.config.env, name);
    return value ? value : find_variable(allowed, name);
  };
}

std::string Build::expanded(const std::string& word) const { return expand(word, recipe_.escape, variables()); }

std::vector<std::string> Build::shell() const {
  return state_.config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : state_.config.shell;
}

Step Build::make_step(const std::string& created_by) const {
  Step step;
  step.parent = state_.image;
  step.config = state_.config;
  step.author = state_.author;
  step.created_by = created_by;
  return step;
}

bool Build::take_cached(const Step& step) {
  if (request_.no_cache || state_.cache_missed) return false;
  Image image;
  if (!session_.cached(step, image)) {
    state_.cache_missed = true;
    return false;
  }
  session_.output(" ---> Using cache\n");
  state_.image = image.id;
  return true;
}

void Build::commit(Step step) {
  Image image;
  session_.commit(step, image);
  state_.image = image.id;
}

void Build::show_removed(const std::string& container) {
  session_.output(" ---> Removed intermediate container " + short_id(container) + "\n");
}

}  // namespace gantry::dockerfile
