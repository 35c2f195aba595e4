#include "voice.hpp"

#include <algorithm>

#include "source_excerpt.hpp"

namespace gantry::dockerfile {

using Kind = builder::v1::StepReport::Kind;

namespace {

/// A display shows what takes time; the rest is done when it is read.
bool takes_time(const Instruction& instruction) {
  return std::holds_alternative<From>(instruction.what) || std::holds_alternative<Run>(instruction.what) ||
         std::holds_alternative<Copy>(instruction.what) || std::holds_alternative<Workdir>(instruction.what);
}

}  // namespace

std::string step_line(std::size_t step, std::size_t steps, const std::string& text) {
  return "Step " + std::to_string(step) + "/" + std::to_string(steps) + " : " + text + "\n";
}

Voice::Voice(builder::v1::Session& session, const Context& context, Transcript& transcript, StageName name,
             const Stage& stage)
    : session_(session),
      context_(context),
      display_(static_cast<builder::v1::Display*>(session.query(builder::v1::Display::kService))),
      transcript_(transcript),
      name_(std::move(name)),
      to_show_(1 + static_cast<std::size_t>(
                       std::count_if(stage.instructions.begin(), stage.instructions.end(), takes_time))) {}

void Voice::report(Kind kind, std::string text) {
  if (display_ != nullptr) display_->report({kind, name_.steps_before + step_, std::move(text)});
}

void Voice::write(std::string_view text, bool is_error) {
  transcript_.say(name_.number, text, is_error);
  if (display_ != nullptr) report(Kind::output, std::string{text});
}

std::string Voice::shown_name(const Instruction& instruction) {
  const std::string stage = name_.name.empty() ? "stage-" + std::to_string(name_.number) : name_.name;
  return "[" + stage + " " + std::to_string(shown_) + "/" + std::to_string(to_show_) + "] " + instruction.text;
}

void Voice::begin(const Instruction& instruction) {
  ++step_;
  cached_ = false;
  shows_ = takes_time(instruction);
  say(step_line(name_.steps_before + step_, name_.steps, instruction.text));
  if (!shows_) return;
  ++shown_;
  report(Kind::started, shown_name(instruction));
}

void Voice::done() {
  if (shows_) report(cached_ ? Kind::cached : Kind::done, "");
}

void Voice::cancelled() {
  if (shows_) report(Kind::cancelled, "");
}

void Voice::failed(const std::string& why, const Instruction& instruction) {
  if (shows_) report(Kind::failed, why);
  show_source(session_, name_.steps_before + step_, context_, instruction.line, instruction.last_line);
}

}  // namespace gantry::dockerfile
