#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "gantry/builder.hpp"

namespace gantry::dockerfile {

/// What one stage has come to.
struct StageState {
  std::string image;  ///< Empty: nothing was made yet.
  builder::v1::Config config;
  std::string author;
  Arguments::OfStage arguments;
  bool cmd_set{};       ///< By this stage: a new ENTRYPOINT keeps it.
  bool cache_missed{};  ///< From here on nothing is looked for.
};

/// About how much memory it takes.
std::size_t weight_of(const StageState& state);

/// The stages of a build, side by side where none needs another. A stage only ever needs those before it.
class Schedule {
 public:
  using Dependencies = std::map<std::size_t, std::set<std::size_t>>;
  using Work = std::function<StageState(std::size_t stage)>;

  /// `steps`: ends commands of stages that are in vain; none: one stage at a time.
  Schedule(Dependencies dependencies, builder::v1::Steps* steps);

  /// What a failure ends: with `all` every stage; else those behind the one that failed: what is told is then the same
  /// as if one stage were built after the other.
  /// What the stages have come to is kept: if that is more than anybody means, it is a failure too.
  void run(const Work& work, bool all);

  /// What a stage has come to, waited for; nothing if it is not built at all. Errors: cancelled.
  std::optional<StageState> result(std::size_t stage, std::size_t for_stage);

  /// Whether what a stage does is in vain. Any thread.
  [[nodiscard]] bool stopped(std::size_t stage) const;

  /// The stage is about to run a command in a container; empty: no more. Errors: cancelled.
  void set_running(std::size_t stage, const std::string& container);

  /// The stages in the order in which a reader expects them.
  [[nodiscard]] std::vector<std::size_t> order() const;

 private:
  [[nodiscard]] bool is_in_vain(std::size_t stage) const;
  [[nodiscard]] std::optional<std::size_t> next_ready() const;
  void drop_in_vain();
  void work_on(const Work& work);
  void finish(std::size_t stage, std::optional<StageState> state, std::exception_ptr failure);
  void end_commands();

  const Dependencies dependencies_;
  builder::v1::Steps* steps_;
  bool all_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::size_t> waiting_;
  std::set<std::size_t> busy_;
  std::map<std::size_t, StageState> done_;
  std::size_t kept_{};  ///< What those weigh.
  std::map<std::size_t, std::string> containers_;
  std::map<std::size_t, std::exception_ptr> failures_;
  std::exception_ptr first_failure_;
};

}  // namespace gantry::dockerfile
