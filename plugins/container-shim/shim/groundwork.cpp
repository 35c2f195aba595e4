#include "shim/groundwork.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "container_shim/message.hpp"
#include "container_shim/protocol.hpp"
#include "shim/bind.hpp"
#include "shim/host_trees.hpp"
#include "shim/owned_write.hpp"
#include "shim/report.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

/// A locked mount keeps its access times, and is not shown without what is mounted below it.
bool needs_unlocked(const PlanMount& mount) {
  return mount.bind && (!mount.recursive || mount.cleared != 0 || (mount.attributes & MOUNT_ATTR_NODIRATIME) != 0);
}

class Groundwork {
 public:
  Groundwork(const Plan& plan, const GroundworkSubject& subject)
      : plan_(plan), subject_(subject), line_(subject.line), scratch_(plan.directory + "/" + kRootDirectory) {}

  void lay() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::umask(0);
    open_user_namespace();
    const HostTrees trees(plan_, user_.get(), scratch_, line_);
    clone_unlocked_binds(trees);
    enter();
    write_sysctls();
    clone_binds(trees);
    // What the host mounts or takes away from here on is no matter of the container's.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) line_.fail_errno("make mounts private");
    make_filesystems(trees);
    hand_root_over();
    for (std::size_t i = 1; i < root_trees_.size(); ++i) send(root_trees_[i].get());
    for (const UniqueFd& tree : trees_) {
      if (tree) send(tree.get());
    }
    // The scratch directory has the root by now: nodes are made above it.
    for (const UniqueFd& node : trees.of_nodes()) send(node.get());
  }

 private:
  void open_user_namespace() {
    user_.reset(::open(("/proc/" + number(subject_.init) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (!user_) line_.fail_errno("open the user namespace");
  }

  /// From the host's mounts, what cannot be had of the init's copies of them: they are locked, as they are another user
  /// namespace's. Only these: what the host has as read-only or nosuid is to stay so.
  void clone_unlocked_binds(const HostTrees& trees) {
    for (const PlanMount& mount : plan_.mounts) {
      trees_.push_back(needs_unlocked(mount) ? trees.of_bind(mount) : UniqueFd());
      // As those copies: nothing that the container mounts goes to the host.
      if (trees_.back() && set_attributes(trees_.back().get(), 0, MS_SLAVE, true) < 0)
        line_.fail_errno("cut off the mount at " + mount.target);
    }
  }

  void enter() {
    std::vector<UniqueFd> joined;
    for (const PlanNamespace& space : plan_.joined_namespaces) {
      if (space.flag != CLONE_NEWNET && space.flag != CLONE_NEWIPC) continue;
      joined.emplace_back(::open(space.path.c_str(), O_RDONLY | O_CLOEXEC));
      if (!joined.back()) line_.fail_errno("open namespace " + space.path);
    }
    const std::uint64_t own = plan_.new_namespaces & (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET);
    if (::setns(subject_.pidfd, static_cast<int>(own)) < 0) line_.fail_errno("join the namespaces of the init");
    for (const UniqueFd& space : joined) {
      if (::setns(space.get(), 0) < 0) line_.fail_errno("join a namespace");
    }
  }

  /// Those of the network are for the init, which owns it.
  void write_sysctls() const {
    for (const PlanWrite& write : plan_.sysctls) {
      if (write.file.starts_with("net/")) continue;
      const std::string file = "/proc/sys/" + write.file;
      const int error = write_as_root_or(plan_.root_uid, file, write.value);
      if (error != 0 && !write.optional) line_.fail_errno("open " + file, error);
    }
  }

  void clone_binds(const HostTrees& trees) {
    for (const PlanMount& mount : plan_.root) root_trees_.push_back(mount.bind ? trees.of_bind(mount) : UniqueFd());
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (plan_.mounts[i].bind && !trees_[i]) trees_[i] = trees.of_bind(plan_.mounts[i]);
    }
  }

  void make_filesystems(const HostTrees& trees) {
    for (std::size_t i = 0; i < plan_.root.size(); ++i) {
      if (!root_trees_[i]) root_trees_[i] = trees.of_filesystem(plan_.root[i]);
    }
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      const PlanMount& mount = plan_.mounts[i];
      if (trees_[i] || !needs_host_root(mount)) continue;
      trees_[i] = is_own_dev(mount) ? trees.of_dev(mount) : trees.of_filesystem(mount);
    }
  }

  void hand_root_over() {
    const PlanMount& mount = plan_.root.front();
    const UniqueFd target(::open(scratch_.c_str(), O_PATH | O_CLOEXEC));
    if (!target || set_attributes(root_trees_.front().get(), mount.bind ? mount.attributes : 0, MS_PRIVATE, true) < 0 ||
        move_onto(root_trees_.front().get(), target.get()) < 0) {
      line_.fail_errno("mount the root " + mount.source);
    }
    const UniqueFd root(::open(scratch_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) line_.fail_errno("open the root");
    send(root.get());
  }

  void send(int fd) const {
    const char kind = static_cast<char>(Signal::ground);
    if (!send_message(subject_.line, {&kind, 1}, {&fd, 1})) line_.fail_errno("hand a mount over");
  }

  const Plan& plan_;
  const GroundworkSubject& subject_;
  const ReportLine line_;  // its messages reach the init
  const std::string scratch_;
  UniqueFd user_;
  std::vector<UniqueFd> root_trees_;
  std::vector<UniqueFd> trees_;
};

}  // namespace

void run_groundwork(const Plan& plan, const GroundworkSubject& subject) {
  Groundwork(plan, subject).lay();
  ::_exit(0);
}

}  // namespace gantry::container_shim
