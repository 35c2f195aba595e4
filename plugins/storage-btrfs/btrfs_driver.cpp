#include "btrfs_driver.hpp"

#include <fcntl.h>

#include <filesystem>

#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "subvolume.hpp"

namespace gantry::btrfs {
namespace {

constexpr const char* kVolume = "volume";

}  // namespace

void BtrfsDriver::check_filesystem(const std::string& data_dir) const {
  if (is_btrfs(data_dir)) return;
  throw Error{Errc::unsupported, data_dir + " is not on btrfs: put the data root there, or use another storage driver"};
}

void BtrfsDriver::copy_into(const layer_archive::Scratch& scratch, const std::string& original,
                            const Call& /*call*/) const {
  const std::filesystem::path volume = std::filesystem::path(original).parent_path();
  if (volume.filename() == kVolume) return snapshot(volume, scratch.path(), kVolume);
  // Of nothing: the base layer.
  make_subvolume(scratch.path(), kVolume);
  layer_archive::make_directory(AT_FDCWD, scratch.path() + "/" + kVolume + "/tree", 0755);
}

/// What is no subvolume, or could not be destroyed, is removed file by file afterwards.
void BtrfsDriver::destroy(const std::string& directory) const { destroy_subvolume(directory, kVolume); }

}  // namespace gantry::btrfs
