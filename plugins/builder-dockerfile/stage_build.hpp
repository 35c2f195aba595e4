#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "bounds.hpp"
#include "cache_mounts.hpp"
#include "context.hpp"
#include "copy_files.hpp"
#include "gantry/builder_trace.hpp"
#include "instruction.hpp"
#include "schedule.hpp"
#include "voice.hpp"

namespace gantry::dockerfile {

class LentFiles;

/// What the driver has for all of its builds.
struct Tools {
  CacheMounts& cache_mounts;
  const Fetcher& fetcher;
  std::string lent_root;  ///< Where what is lent is mounted.
};

/// What the stages of one build share. They may be built side by side.
struct Shared {
  const builder::v1::Request& request;
  Context& context;
  Tools tools;
  builder::v1::Session& session;
  const Call& call;
  const Recipe& recipe;
  const Arguments& arguments;  ///< Those before the first stage are declared.
  Bounds& bounds;
  /// Seconds since 1970: the build argument SOURCE_DATE_EPOCH.
  std::optional<std::int64_t> created;
};

/// One stage from its FROM to its last instruction.
class StageBuild {
 public:
  StageBuild(const Shared& shared, std::size_t stage, Schedule& schedule, Voice& voice);

  StageState run();

  [[nodiscard]] const StageArguments& arguments() const noexcept { return arguments_; }

 private:
  void start_stage();
  void run_triggers();
  void warn_of_platform(const std::string& base, const builder::v1::Image& image, const std::string& platform);
  void begin(const Instruction& instruction);
  void show_image(const std::string& id);
  void say(const std::string& text) const { voice_.say(text); }
  void dispatch(const Instruction& instruction);
  std::string expanded(const std::string& word) const;
  [[nodiscard]] std::vector<std::string> expanded_words(const std::string& text) const;
  [[nodiscard]] std::string expanded_file(const Heredoc& heredoc) const;
  [[nodiscard]] Variables variables() const;
  void spend(std::size_t work) const;
  void spend_word(std::size_t work, std::size_t size) const;
  [[nodiscard]] std::vector<std::string> shell() const;

  // config_steps.cpp: what changes the config only.
  void step(const Arg& arg);
  void step(const Env& env);
  void step(const Label& label);
  void step(const Maintainer& maintainer);
  void step(const Cmd& cmd);
  void step(const Entrypoint& entrypoint);
  void step(const Expose& expose);
  void step(const Volume& volume);
  void step(const User& user);
  void step(const OnBuild& on_build);
  void step(const StopSignal& stop_signal);
  void step(const HealthCheck& health_check);
  void step(const Shell& shell);
  void step(const From&) {}
  void commit_config(const std::string& comment);

  // file_steps.cpp: what writes files.
  void step(const Workdir& workdir);
  void step(const Copy& copy);
  struct Origin;
  struct Source;
  Origin origin_of(const Copy& copy);
  std::vector<Source> find_sources(const Copy& copy, Origin& origin) const;
  [[nodiscard]] Source find_remote(const Copy& copy, const std::string& address, Origin& origin) const;
  /// Where it copies to.
  [[nodiscard]] std::string target_of(const Copy& copy) const;
  /// Whether its layer is made without what is below it.
  [[nodiscard]] bool stands_alone(const Copy& copy) const;
  void check_sources(const Copy& copy, const std::vector<Source>& sources) const;
  [[nodiscard]] std::string hash_of(const Copy& copy, const Source& source, const IgnorePatterns& exclude) const;
  void write_files(const Copy& copy, const std::vector<Source>& sources, const Tree& to);
  void write_source(const Copy& copy, const Source& source, const Tree& to, const std::string& destination,
                    const CopyOptions& options);

  // run_step.cpp
  void step(const Run& run);
  [[nodiscard]] std::string image_of(const std::string& name);
  /// Those of the host's that the step gets. Errors: invalid (a required one is not there).
  [[nodiscard]] std::vector<std::string> devices_of(const Run& run) const;
  [[nodiscard]] std::string create_container(const builder::v1::ContainerSpec& spec, const Run& run);
  [[nodiscard]] int run_command(const std::string& container);
  struct MountPlan;
  struct MountOrigin;
  [[nodiscard]] MountOrigin origin_of(const RunMount& mount);
  [[nodiscard]] RunMount expanded_mount(const RunMount& raw) const;
  /// What of a mount the step's result depends on.
  std::string telling_of(const RunMount& mount);
  void plan_mount(const RunMount& mount, MountPlan& plan);
  void plan_cache(const RunMount& mount, MountPlan& plan);
  [[nodiscard]] std::string cache_id(const RunMount& mount);
  void begin_cache(const RunMount& mount, const std::string& path);
  void plan_bind(const RunMount& mount, MountPlan& plan);
  void plan_secret(const RunMount& mount, MountPlan& plan);
  void plan_agent(const RunMount& mount, MountPlan& plan);
  LentFiles& lent_files(MountPlan& plan);

  // traced_steps.cpp: what is told of a step to who wants to know how the image was made.
  void trace(const Run& run, const std::vector<std::string>& process, const std::vector<std::string>& arguments,
             const std::vector<RunMount>& mounts);
  void trace(const Copy& copy);
  /// The number of the input of the step under way that has files from there.
  std::size_t traced_input(const std::string& origin);
  [[nodiscard]] std::string traced_origin(const std::string& from);
  void tell_trace();

  // Shared by the steps.
  [[nodiscard]] builder::v1::Step make_step(const std::string& created_by) const;
  template <class Work>
  auto in_its_line(const Work& work) const;
  /// Whether the cache had it: then the state is its. What stands alone is looked for also behind a step that was not
  /// there.
  bool take_cached(const builder::v1::Step& step, bool stands_alone = false);
  void commit(builder::v1::Step step);
  void show_removed(const std::string& container);

  const builder::v1::Request& request_;
  Context& context_;
  const Tools& tools_;
  builder::v1::Session& session_;
  const Call& call_;
  const Recipe& recipe_;
  const std::size_t stage_;
  Bounds& bounds_;
  const Arguments& shared_arguments_;
  StageArguments arguments_;
  Schedule& schedule_;
  Voice& voice_;
  const std::optional<std::int64_t> created_;
  bool no_cache_{};
  StageState state_;
  Environment env_{state_.config.env};
  mutable std::size_t words_{};  ///< How many bytes the words of the instruction have come to.
  builder::v1::Trace* trace_;    ///< None: nobody wants to know.
  builder::v1::TracedStep traced_;
  const Instruction* current_{};  ///< Of the recipe: of a trigger, the FROM that has set it off.
};

/// Runs what has to be done whatever happens.
template <class Undo>
class OnExit {
 public:
  explicit OnExit(Undo undo) : undo_(std::move(undo)) {}
  ~OnExit() { undo_(); }
  OnExit(const OnExit&) = delete;
  OnExit& operator=(const OnExit&) = delete;

 private:
  Undo undo_;
};

/// A tree that goes when the step is over.
class ScopedTree {
 public:
  ScopedTree(builder::v1::Session& session, const std::string& image)
      : session_(session), name_(session.make_tree(image)), root_(session.open_tree(name_)) {}
  ~ScopedTree() {
    root_.reset();
    try {
      session_.remove_tree(name_);
    } catch (const std::exception&) {
      // The daemon removes what a build leaves.
    }
  }
  ScopedTree(const ScopedTree&) = delete;
  ScopedTree& operator=(const ScopedTree&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] int root() const noexcept { return root_.get(); }

 private:
  builder::v1::Session& session_;
  std::string name_;
  UniqueFd root_;
};

std::string short_id(const std::string& id);

}  // namespace gantry::dockerfile
