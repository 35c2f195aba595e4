#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gantry/builder.hpp"
#include "stage_state.hpp"

namespace gantry::dockerfile {

/// The stages of a build, side by side where none needs another. A stage only ever needs those before it.
class Schedule {
 public:
  using Dependencies = std::map<std::size_t, std::set<std::size_t>>;
  using Work = std::function<StageState(std::size_t stage)>;

  /// `steps`: ends commands of stages that are in vain; none: one stage at a time.
  Schedule(Dependencies dependencies, builder::v1::Steps* steps);

  /// What a failure ends: with `all` every stage; else those behind the one that failed: what is told is then the same
  /// as if one stage were built after the other.
  void run(const Work& work, bool all);

  /// What a stage has come to, waited for; null if it is not built at all. Errors: cancelled.
  std::shared_ptr<const StageState> result(std::size_t stage, std::size_t for_stage);

  /// Whether what a stage does is in vain. Any thread.
  [[nodiscard]] bool stopped(std::size_t stage) const;

  /// The stage is about to run a command in a container; empty: no more. Errors: cancelled.
  void set_running(std::size_t stage, const std::string& container);

  /// The stages in the order in which a reader expects them.
  [[nodiscard]] std::vector<std::size_t> order() const;

 private:
  [[nodiscard]] bool is_in_vain(std::size_t stage) const;
  void drop_in_vain();
  void work_on(const Work& work);
  void finish(std::size_t stage, std::shared_ptr<const StageState> state, std::exception_ptr failure);
  void end_commands();

  const Dependencies dependencies_;
  builder::v1::Steps* steps_;
  bool all_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, std::size_t> waiting_;  ///< For how many others each waits.
  std::set<std::size_t> ready_;                 ///< Those of them that wait for none.
  std::map<std::size_t, std::vector<std::size_t>> needed_by_;
  std::set<std::size_t> busy_;
  std::map<std::size_t, std::shared_ptr<const StageState>> done_;
  std::map<std::size_t, std::string> containers_;
  std::map<std::size_t, std::exception_ptr> failures_;
  std::exception_ptr first_failure_;
};

}  // namespace gantry::dockerfile
