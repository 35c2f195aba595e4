#pragma once

#include <filesystem>
#include <memory>

#include "gantry/abi.hpp"
#include "gantry/driver.hpp"
#include "plugins/handle.hpp"

namespace gantry::plugins {

/// A driver's shared object: checked, then loaded, and mapped for ever (drivers are linked with -z nodelete).
class Library {
 public:
  /// Errors: denied (somebody else could have written the file), invalid (not a driver, or not one of this daemon's);
  /// the message names the file and the reason. Nothing of the file runs before its symbols are known to be a driver's.
  explicit Library(const std::filesystem::path& file);

  /// The same for a file whose earlier version is loaded: the dynamic loader goes by names, so that it gets a copy of
  /// another name, `copy`, which is gone when this returns. Its folder is the daemon's own.
  Library(const std::filesystem::path& file, const std::filesystem::path& copy);

  /// The same for a file that is held open as `opened`, and whose name may mean another one by now.
  Library(const std::filesystem::path& file, int opened);

  [[nodiscard]] const Descriptor& descriptor() const noexcept { return *descriptor_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

  /// What the descriptor says; capabilities and options are still empty.
  [[nodiscard]] DriverInfo info() const;

  /// A new object of the driver's, as its kind's interface. Errors: whatever the factory threw, as internal if it is
  /// foreign.
  [[nodiscard]] std::shared_ptr<void> make() const;

 private:
  void load(const std::filesystem::path& from);

  std::string file_;
  std::shared_ptr<void> handle_;
  const Descriptor* descriptor_ = nullptr;
};

/// Who may have written a driver's file, or put another one in its place: root and the daemon's own user (so that a
/// build tree runs in place), nobody else; for the file, for the folder that it is in and for those above, but for
/// those that the daemon's program is in as well. The file's real path, to be loaded. Errors: denied.
std::filesystem::path check_ownership(const std::filesystem::path& file);

/// Errors: invalid, with the reason; `file` is for the message.
void check_descriptor(const Descriptor& descriptor, const std::string& file);

}  // namespace gantry::plugins
