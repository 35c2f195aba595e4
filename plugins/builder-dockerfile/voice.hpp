#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "context.hpp"
#include "gantry/builder.hpp"
#include "instruction.hpp"
#include "transcript.hpp"

namespace gantry::dockerfile {

/// A stage as the user is told of it.
struct StageName {
  std::size_t number{};
  std::string name;            ///< May be empty.
  std::size_t steps_before{};  ///< Of stages before it.
  std::size_t steps{};         ///< Of the whole build.
};

/// "Step 1/3 : FROM busybox" and a line feed.
std::string step_line(std::size_t step, std::size_t steps, const std::string& text);

/// What one stage says: to those who read, as dockerd's classic builder says it, and to those who have a display.
class Voice final : public builder::v1::Output {
 public:
  Voice(builder::v1::Session& session, const Context& context, Transcript& transcript, StageName name,
        const Stage& stage);

  void say(std::string_view text) { transcript_.say(name_.number, text); }
  /// What a command says.
  void write(std::string_view text, bool is_error) override;

  // Of the step that goes on.
  void begin(const Instruction& instruction);
  void cached() { cached_ = true; }
  void done();
  void cancelled();
  void failed(const std::string& why, const Instruction& instruction);

 private:
  void report(builder::v1::StepReport::Kind kind, std::string text);
  [[nodiscard]] std::string shown_name(const Instruction& instruction);

  builder::v1::Session& session_;
  const Context& context_;
  builder::v1::Display* display_;
  Transcript& transcript_;
  const StageName name_;
  std::size_t step_ = 0;
  std::size_t shown_ = 0;  ///< Of the steps that a display shows.
  std::size_t to_show_ = 0;
  bool shows_ = false;  ///< The present one.
  bool cached_ = false;
};

}  // namespace gantry::dockerfile
