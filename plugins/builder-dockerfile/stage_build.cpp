#include "stage_build.hpp"

#include <algorithm>

#include "lint.hpp"
#include "stage_graph.hpp"
#include "text.hpp"

namespace gantry::dockerfile {

using builder::v1::Image;
using builder::v1::Step;

namespace {

/// What a word costs beside what is in it.
constexpr std::size_t kWord = 64;

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether a list of stages, as the user gives it, names this one.
bool names_stage(const std::vector<std::string>& list, const Recipe& recipe, std::size_t stage) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& name) { return find_stage(recipe, name, recipe.stages.size()) == stage; });
}

}  // namespace

std::string short_id(const std::string& id) {
  const std::size_t colon = id.find(':');
  return id.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

StageBuild::StageBuild(const Shared& shared, std::size_t stage, Schedule& schedule, Voice& voice)
    : request_(shared.request),
      context_(shared.context),
      tools_(shared.tools),
      session_(shared.session),
      call_(shared.call),
      recipe_(shared.recipe),
      stage_(stage),
      bounds_(shared.bounds),
      shared_arguments_(shared.arguments),
      arguments_(shared.arguments),
      schedule_(schedule),
      voice_(voice),
      created_(shared.created),
      no_cache_(request_.no_cache || names_stage(request_.no_cache_stages, recipe_, stage)),
      trace_(static_cast<builder::v1::Trace*>(session_.query(builder::v1::Trace::kService))) {}

StageState StageBuild::run() {
  current_ = &recipe_.stages[stage_].header;
  try {
    start_stage();
    voice_.done();
    for (const Instruction& instruction : recipe_.stages[stage_].instructions) {
      current_ = &instruction;
      begin(instruction);
      dispatch(instruction);
      // Not for an instruction that made no image, as an ARG before everything else.
      if (!state_.image.empty()) show_image(state_.image);
      voice_.done();
    }
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled) {
      voice_.cancelled();
    } else {
      voice_.failed(error.what(), *current_);
    }
    throw;
  }
  state_.arguments = arguments_.of_stage();
  return state_;
}

void StageBuild::begin(const Instruction& instruction) {
  call_.check();
  if (schedule_.stopped(stage_)) throw Error{Errc::cancelled, "another stage has failed"};
  voice_.begin(instruction);
}

void StageBuild::show_image(const std::string& id) { say(" ---> " + short_id(id) + "\n"); }

void StageBuild::start_stage() {
  const Stage& wanted = recipe_.stages[stage_];
  begin(wanted.header);
  const std::string base = expand(wanted.from.base, recipe_.escape, shared_arguments_.global());
  if (base.empty()) throw Error{Errc::invalid, "base name (" + wanted.from.base + ") should not be blank"};
  if (const auto parent = find_base_stage(recipe_, base, stage_)) {
    const auto known = schedule_.result(*parent, stage_);
    state_.image = known->image;
    state_.config = known->config;
    state_.author = known->author;
    arguments_.inherit(known->arguments);
  } else if (base != "scratch") {
    std::string platform = expand(wanted.from.platform, recipe_.escape, shared_arguments_.global());
    if (platform.empty()) platform = request_.platform;
    Image image;
    const auto named = context_.image_named(base);
    session_.image(named ? *named : base, platform, request_.pull, image);
    state_.image = image.id;
    state_.config = image.config;
    state_.author = image.author;
    tell_trace();
    warn_of_platform(base, image, platform);
  }
  env_.refresh();
  if (!env_.has("PATH")) env_.set("PATH", kDefaultPath);
  const bool triggers = !state_.config.on_build.empty();
  if (triggers) run_triggers();
  show_image(state_.image);
}

/// BuildKit's check InvalidBaseImagePlatform: only now it is known.
void StageBuild::warn_of_platform(const std::string& base, const Image& image, const std::string& platform) {
  auto* display = static_cast<builder::v1::Display*>(session_.query(builder::v1::Display::kService));
  if (display == nullptr || image.architecture.empty()) return;
  const std::string wanted = platform.empty() ? shared_arguments_.global()("TARGETPLATFORM").value_or("") : platform;
  const std::string actual = image.os + "/" + image.architecture;
  if (wanted == actual || wanted.starts_with(actual + "/")) return;
  const Instruction& header = recipe_.stages[stage_].header;
  const std::string variant = image.variant.empty() ? "" : "/" + image.variant;
  const Finding finding{"InvalidBaseImagePlatform",
                        "Base image " + base + " was pulled with platform " + quote(actual + variant) + ", expected " +
                            quote(wanted) + " for current build",
                        header.line, header.last_line};
  if (!check_options(request_, recipe_).with(header.comments).wants(finding.rule)) return;
  display->report({builder::v1::StepReport::Kind::warning, 0, show_finding(finding)});
}

void StageBuild::run_triggers() {
  const std::vector<std::string> triggers = std::exchange(state_.config.on_build, {});
  say("# Executing " + std::to_string(triggers.size()) + " build trigger" + (triggers.size() > 1 ? "s" : "") + "\n");
  for (const std::string& trigger : triggers) {
    call_.check();
    const Document document = parse_document(trigger, "ONBUILD");
    if (document.nodes.size() != 1) throw Error{Errc::invalid, "onbuild trigger should be a single expression"};
    dispatch(parse_instruction(document.nodes.front(), recipe_.escape));
  }
}

void StageBuild::dispatch(const Instruction& instruction) {
  words_ = 0;
  traced_ = {};
  traced_.parent = state_.image;
  std::visit([this](const auto& what) { step(what); }, instruction.what);
  tell_trace();
}

Variables StageBuild::variables() const {
  return [this](std::string_view name) {
    const std::string key{name};
    auto value = env_.find(key);
    return value ? value : arguments_.find(key);
  };
}

void StageBuild::spend(std::size_t work) const {
  call_.check();
  bounds_.work(work, current_->line);
}

void StageBuild::spend_word(std::size_t work, std::size_t size) const {
  spend(work);
  words_ += size;
  Bounds::check_words(words_, current_->line);
}

std::string StageBuild::expanded(const std::string& word) const {
  std::size_t cost = kWord;
  std::string out = expand(word, recipe_.escape, variables(), &cost);
  spend_word(cost, out.size());
  return out;
}

std::vector<std::string> StageBuild::expanded_words(const std::string& text) const {
  std::size_t cost = kWord;
  std::vector<std::string> out = expand_words(text, recipe_.escape, variables(), &cost);
  std::size_t size = 0;
  for (const std::string& word : out) size += word.size();
  spend_word(cost, size);
  return out;
}

std::string StageBuild::expanded_file(const Heredoc& heredoc) const {
  // In BuildKit, too, whatever the directive "escape" says.
  constexpr char kEscape = '\\';
  std::size_t cost = heredoc.content.size();
  std::string out = heredoc.expand ? expand_raw(heredoc.content, kEscape, variables(), &cost) : heredoc.content;
  spend(cost);
  return out;
}

std::vector<std::string> StageBuild::shell() const {
  return state_.config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : state_.config.shell;
}

Step StageBuild::make_step(const std::string& created_by) const {
  spend(weight_of(state_) + created_by.size());
  Step step;
  step.parent = state_.image;
  step.config = state_.config;
  step.author = state_.author;
  step.created_by = created_by;
  step.created = created_;
  return step;
}

/// What is too much for an image, or in all: nobody would know where it was too much.
template <class Work>
auto StageBuild::in_its_line(const Work& work) const {
  try {
    return work();
  } catch (const Error& error) {
    const bool is_too_much = error.code() == Errc::invalid || error.code() == Errc::exhausted;
    if (!is_too_much || current_->line == 0) throw;
    throw Error{error.code(), "line " + std::to_string(current_->line) + " of the Dockerfile: " + error.what()};
  }
}

bool StageBuild::take_cached(const Step& step, bool stands_alone) {
  if (no_cache_ || (state_.cache_missed && !stands_alone)) return false;
  auto* grafts = static_cast<builder::v1::Grafts*>(session_.query(builder::v1::Grafts::kService));
  Image image;
  const auto look = [&] { return stands_alone ? grafts->grafted(step, image) : session_.cached(step, image); };
  if (!in_its_line(look)) {
    state_.cache_missed = true;
    return false;
  }
  say(" ---> Using cache\n");
  voice_.cached();
  state_.image = image.id;
  return true;
}

void StageBuild::commit(Step step) {
  Image image;
  in_its_line([&] { session_.commit(step, image); });
  state_.image = image.id;
}

void StageBuild::show_removed(const std::string& container) {
  say(" ---> Removed intermediate container " + short_id(container) + "\n");
}

}  // namespace gantry::dockerfile
