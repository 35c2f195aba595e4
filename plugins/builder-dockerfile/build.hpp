#pragma once

#include <mutex>
#include <set>
#include <string>

#include "lint.hpp"
#include "stage_build.hpp"
#include "stage_graph.hpp"

namespace gantry::dockerfile {

/// One build from its first step to its last.
class Build {
 public:
  Build(const builder::v1::Request& request, Context& context, Tools tools, builder::v1::Session& session,
        const Call& call);

  /// Answers the image's id.
  std::string run();

 private:
  [[nodiscard]] std::size_t last_stage() const;
  void take_global_arguments();
  void show_start(Transcript& transcript);
  StageState build_stage(std::size_t stage, Transcript& transcript);
  void show_unused();
  void tell_origins() const;
  /// Errors: invalid, if the recipe wants findings to be failures.
  void check() const;
  [[nodiscard]] std::set<std::size_t> stages_to_check() const;
  [[nodiscard]] std::string explained(const Finding& finding) const;

  Recipe recipe_;
  Arguments arguments_;
  Bounds bounds_;
  const Shared shared_;
  Schedule::Dependencies needed_;
  std::map<std::size_t, std::size_t> first_steps_;  ///< How many steps come before a stage's.
  std::size_t steps_{};                             ///< Of all stages.
  std::unique_ptr<Schedule> schedule_;
  std::mutex mutex_;
  std::set<std::string> used_;  ///< Names of arguments that a stage has taken.
};

}  // namespace gantry::dockerfile
