#include "shim/oci_mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "container_shim/protocol.hpp"
#include "shim/bind.hpp"
#include "shim/bind_source.hpp"
#include "shim/host_trees.hpp"
#include "shim/id_maps.hpp"
#include "shim/oci_view.hpp"
#include "shim/reach.hpp"
#include "shim/root_path.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

class OciMounts {
 public:
  OciMounts(const Plan& plan, const ReportLine& line)
      : plan_(plan),
        line_(line),
        root_path_(plan.directory + "/" + kRootDirectory),
        user_(is_remapped(plan) ? user_namespace_with_maps(plan, line) : UniqueFd()),
        trees_(plan, user_ ? user_.get() : -1, root_path_, line) {}

  /// All trees are made before any of them is shown: that may cover what others are made of.
  OciGround lay() {
    const mode_t mask = ::umask(0);
    for (const PlanMount& mount : plan_.root) roots_.push_back(mount.bind ? trees_.of_bind(mount) : UniqueFd());
    for (const PlanMount& mount : plan_.mounts) mounts_.push_back(mount.bind ? trees_.of_bind(mount) : UniqueFd());
    if (user_) drop_unreachable();
    if (user_) cut_off();
    make_filesystems();
    if (user_) nodes_ = trees_.of_nodes();
    if (user_ && open_way(plan_.directory) < 0) line_.fail_errno("open the way to " + plan_.directory);
    show_mounts();
    OciGround ground{show_root(), {}};
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (!mounts_[i]) ground.left_out.push_back(&plan_.mounts[i]);
    }
    ::umask(mask);
    return ground;
  }

 private:
  /// The runtime would fail there, and nobody in the container would see them.
  void drop_unreachable() {
    for (const std::size_t index : unreachable_submounts(plan_.mounts, user_.get())) mounts_[index].reset();
  }

  /// With a user namespace the runtime's binds are all of trees, which have their propagation by now.
  void cut_off() const {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) line_.fail_errno("make mounts private");
  }

  void make_filesystems() {
    for (std::size_t i = 0; i < plan_.root.size(); ++i) {
      if (!roots_[i]) roots_[i] = trees_.of_filesystem(plan_.root[i]);
    }
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      const PlanMount& mount = plan_.mounts[i];
      if (mount.bind) continue;
      mounts_[i] = user_ && is_own_dev(mount) ? trees_.of_dev(mount) : trees_.of_filesystem(mount);
    }
  }

  void show_mounts() {
    if (plan_.mounts.empty() && nodes_.empty()) return;
    const std::string directory = plan_.directory + "/" + kOciMountsDirectory;
    if (::mkdir(directory.c_str(), 0711) < 0) line_.fail_errno("make " + directory);
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (mounts_[i]) show(plan_.mounts[i], mounts_[i], oci_mount(plan_.directory, i));
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::string path = oci_node(plan_.directory, i);
      if (move_onto(nodes_[i].get(), make_target(path, false).get()) < 0) line_.fail_errno("mount " + path);
    }
  }

  /// What the runtime binds from there: the target is of the source's kind.
  [[nodiscard]] UniqueFd make_target(const std::string& path, bool directory) const {
    const bool made = directory ? ::mkdir(path.c_str(), 0711) == 0
                                : static_cast<bool>(UniqueFd(::open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600)));
    UniqueFd target(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!made || !target) line_.fail_errno("make " + path);
    return target;
  }

  void show(const PlanMount& mount, const UniqueFd& tree, const std::string& path) const {
    const UniqueFd target = make_target(path, is_directory(tree.get()));
    if (attach_bind(tree.get(), mount, target.get()) < 0) fail_mount(mount);
    if (!mount.bind && !mount.subpath.empty()) show_part(mount, path);
  }

  /// What a filesystem has at the subpath covers the whole of it.
  void show_part(const PlanMount& mount, const std::string& path) const {
    const UniqueFd whole(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd part = clone_below(whole.get(), mount);
    if (!part) fail_below(mount, errno, line_);
    if (!is_directory(part.get())) {
      line_.fail(Errc::unsupported,
                 "the part \"" + mount.subpath + "\" of the mount at " + mount.target + " is a file");
    }
    if (set_attributes(part.get(), 0, MS_PRIVATE, true) < 0 || move_onto(part.get(), whole.get()) < 0)
      line_.fail_errno("show " + mount.subpath);
  }

  UniqueFd show_root() {
    UniqueFd root;
    for (std::size_t i = 0; i < plan_.root.size(); ++i) {
      const PlanMount& mount = plan_.root[i];
      const UniqueFd target =
          root ? open_target(root.get(), mount.target, true) : UniqueFd(::open(root_path_.c_str(), O_PATH | O_CLOEXEC));
      if (!target) line_.fail_errno("open the mount point of the root");
      if (attach_bind(roots_[i].get(), mount, target.get()) < 0) fail_mount(mount);
      if (!root) root.reset(::open(root_path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!root) line_.fail_errno("open the root");
    }
    return root;
  }

  [[noreturn]] void fail_mount(const PlanMount& mount) const {
    const std::string& source = mount.source.empty() ? mount.type : mount.source;
    line_.fail_errno("error mounting \"" + source + "\" to rootfs at \"" + mount.target + "\"");
  }

  const Plan& plan_;
  const ReportLine& line_;
  const std::string root_path_;
  const UniqueFd user_;
  const HostTrees trees_;
  std::vector<UniqueFd> roots_;
  std::vector<UniqueFd> mounts_;
  std::vector<UniqueFd> nodes_;
};

}  // namespace

OciGround lay_oci_mounts(const Plan& plan, const ReportLine& line) { return OciMounts(plan, line).lay(); }

}  // namespace gantry::container_shim
