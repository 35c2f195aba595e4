#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/mount_options.hpp"
#include "gantry/storage.hpp"
#include "subject.hpp"
#include "tar_maker.hpp"

namespace gantry::conformance {

/// A chain ID that a number names.
inline std::string chain(int number) {
  std::ostringstream id;
  id << "sha256:" << std::string(56, 'a') << std::hex << 0x10000000 + number;
  return id.str();
}

/// Mounts a top on a directory of the test's own mount namespace.
class MountedTop {
 public:
  MountedTop(const std::vector<Mount>& mounts, std::filesystem::path place) : place_(std::move(place)) {
    std::filesystem::create_directories(place_);
    for (const Mount& mount : mounts) perform(mount);
  }
  ~MountedTop() {
    for (; mounted_ > 0; --mounted_) ::umount2(place_.c_str(), MNT_DETACH);
  }
  MountedTop(const MountedTop&) = delete;
  MountedTop& operator=(const MountedTop&) = delete;

  [[nodiscard]] std::filesystem::path operator/(const std::string& path) const { return place_ / path; }
  [[nodiscard]] const std::filesystem::path& path() const { return place_; }

 private:
  void perform(const Mount& mount) {
    const auto before = std::filesystem::current_path();
    if (!mount.base.empty()) std::filesystem::current_path(mount.base);
    const MountOptions options = parse_mount_options(mount.options);
    const int failed = ::mount(mount.source.c_str(), (place_.string() + mount.target).c_str(), mount.type.c_str(),
                               options.flags | (mount.type == "bind" ? static_cast<unsigned long>(MS_BIND) : 0UL),
                               options.data.c_str());
    EXPECT_EQ(failed, 0) << "mount " << mount.type << " " << options.data << ": " << std::strerror(errno);
    if (failed == 0) ++mounted_;
    std::filesystem::current_path(before);
  }

  std::filesystem::path place_;
  int mounted_ = 0;
};

inline void write(const std::filesystem::path& path, const std::string& text) { std::ofstream{path} << text; }

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline struct stat stat_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path << ": " << std::strerror(errno);
  return status;
}

inline bool is_there(const std::filesystem::path& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

/// All that a container sees of a tree, path by path: type, mode, owner, device, links, time, content.
std::map<std::string, std::string> picture(const std::filesystem::path& root);

class Storage : public Suite<storage::v1::Driver> {
 protected:
  storage::v1::AppliedLayer apply(int id, const std::vector<int>& parents, TarMaker& tar) {
    return apply_bytes(id, parents, tar.take());
  }
  storage::v1::AppliedLayer apply_bytes(int id, const std::vector<int>& parents, const std::string& bytes);
  std::vector<Mount> prepare(const std::string& key, const std::vector<int>& layers);
  std::vector<std::string> changes(const std::string& key);  ///< "C /a", "A /a/b"
  std::string diff(const std::string& key);
  [[nodiscard]] std::filesystem::path place() const { return scratch() / "mnt"; }
  static std::vector<std::string> chains(const std::vector<int>& numbers);
  void expect_no_layers();
};

}  // namespace gantry::conformance
