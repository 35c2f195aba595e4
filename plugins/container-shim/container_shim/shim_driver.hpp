#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "container_shim/cgroup_layout.hpp"
#include "container_shim/container_files.hpp"
#include "container_shim/plan.hpp"
#include "container_shim/spec_translation.hpp"
#include "gantry/oom_watch.hpp"
#include "gantry/runtime.hpp"

namespace gantry::container_shim {

/// Containers of which each is behind a gantry-shim that outlives the daemon. Who derives from it says what the shim is
/// to do; what comes after the start is the same for all.
class ShimDriver : public runtime::v1::Driver, public runtime::v1::LiveMounts, public runtime::v1::OomWatch {
 public:
  ShimDriver() = default;
  ~ShimDriver() override;

  void* query(std::string_view ability) noexcept override;
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void create(const runtime::v1::Spec& spec, runtime::v1::Running& out, const Call& call) override;
  void start(const std::string& id, const Call& call) override;
  void signal(const std::string& id, const std::string& exec_id, int signal, const Call& call) override;
  void pause(const std::string& id, const Call& call) override;
  void resume(const std::string& id, const Call& call) override;
  void update(const std::string& id, const runtime::v1::Resources& resources, const Call& call) override;
  void stats(const std::string& id, runtime::v1::Stats& out, const Call& call) override;
  void processes(const std::string& id, std::vector<std::int64_t>& out, const Call& call) override;
  void exec(const std::string& id, const runtime::v1::ExecSpec& spec, runtime::v1::Running& out,
            runtime::v1::Streams& streams, const Call& call) override;
  void attach(const std::string& id, runtime::v1::Streams& out, const Call& call) override;
  void resize(const std::string& id, const std::string& exec_id, std::uint16_t rows, std::uint16_t columns,
              const Call& call) override;
  void exit_status(const std::string& id, const std::string& exec_id, runtime::v1::ExitStatus& out,
                   const Call& call) override;
  void reopen_log(const std::string& id, const Call& call) override;
  void adopt(const std::string& id, runtime::v1::Running& out, const Call& call) override;
  void remove(const std::string& id, const Call& call) override;
  void list(std::vector<std::string>& out, const Call& call) override;

  void mount(const std::string& id, const Mount& mount, const Call& call) override;
  void unmount(const std::string& id, const std::string& target, const Call& call) override;

  void watch_oom(const std::string& id, UniqueFd& changed, const Call& call) override;
  bool has_struck(const std::string& id, int changed, std::uint64_t& seen, const Call& call) override;

 protected:
  /// What the shim is to do for a container, beside `id`, `directory` and the log. Errors: invalid, naming the field.
  virtual Plan plan(const runtime::v1::Spec& spec, const TranslationContext& context) = 0;
  /// The same for one more process; `stdio` is the base's.
  virtual ExecPlan plan_exec(const std::string& id, const runtime::v1::ExecSpec& spec) = 0;
  /// The static init that the shim is given, or -1; stays the driver's.
  virtual int init_program(const runtime::v1::Spec& spec) = 0;
  /// Puts into the user's words what the shim said of a container (or an exec) that did not come to be.
  virtual Error explain(const std::string& id, const std::string& exec_id, const Error& error);
  /// Lets go of what the driver keeps in the container's directory; its processes are gone. May be repeated.
  virtual void release(const ContainerFiles& container, const Call& call);

  [[nodiscard]] const std::vector<runtime::v1::Rlimit>& default_rlimits() const { return default_rlimits_; }
  [[nodiscard]] ContainerFiles files(const std::string& id) const;

 private:
  /// A container between create and start: closing the connection ends it.
  struct Pending {
    UniqueFd control;
    UniqueFd shim;  ///< Its pidfd.
  };

  [[nodiscard]] UniqueFd connection(const std::string& id) const;
  [[nodiscard]] bool is_running(const std::string& id) const;
  [[nodiscard]] UniqueFd running_init(const std::string& id) const;
  void expect_ended(const std::string& id, const std::string& exec_id, const Call& call) const;
  runtime::v1::ExitStatus end_without_shim(const std::string& id) const;
  void remember_shim(const std::string& id, pid_t pid, UniqueFd control);
  void end_pending(const std::string& id);
  void reap_shims();

  std::string base_;
  std::string default_parent_;
  CgroupLayout layout_;
  std::vector<runtime::v1::Rlimit> default_rlimits_;
  UniqueFd shim_;
  std::mutex mutex_;  ///< Of what follows.
  std::map<std::string, Pending> pending_;
  std::set<pid_t> shims_;  ///< Children of this process.
};

}  // namespace gantry::container_shim
