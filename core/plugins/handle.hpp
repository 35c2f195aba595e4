#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/driver.hpp"

namespace gantry::isolated {
class DriverFile;
}

namespace gantry::plugins {

/// What `gantry plugin ls` and `inspect` show.
struct DriverInfo {
  std::string kind;
  std::string name;
  std::string version;
  std::string interface;  ///< "storage/1.0".
  std::string file;
  Capabilities capabilities;
  std::vector<OptionInfo> options;
  Options settings;                                  ///< The options that it was opened with.
  std::string error;                                 ///< Why it was refused; empty if it is loaded.
  bool disabled{};                                   ///< By the user: it is not opened.
  bool isolated{};                                   ///< In a process of its own.
  std::vector<int> processes{};                      ///< Those of its objects that are isolated.
  std::string instance;                              ///< Of one that is opened: its folders are named by it.
  std::shared_ptr<const isolated::DriverFile> held;  ///< Of one that is isolated: what its processes load.
};

/// A loaded driver. Copies share it; it is destroyed with the last one, when no call is under way.
template <class Driver>
class Handle {
 public:
  Handle() = default;
  Handle(std::shared_ptr<Driver> driver, std::shared_ptr<const DriverInfo> info)
      : driver_(std::move(driver)), info_(std::move(info)) {}

  explicit operator bool() const noexcept { return driver_ != nullptr; }
  [[nodiscard]] const DriverInfo& info() const noexcept { return *info_; }
  [[nodiscard]] const std::string& name() const noexcept { return info_->name; }

  [[nodiscard]] bool can(std::string_view capability) const {
    for (const std::string& known : info_->capabilities) {
      if (known == capability) return true;
    }
    return false;
  }

  /// For the guard only: everyone else goes through `Drivers::call`.
  [[nodiscard]] const std::shared_ptr<Driver>& driver() const noexcept { return driver_; }
  [[nodiscard]] const std::shared_ptr<const DriverInfo>& shared_info() const noexcept { return info_; }

 private:
  std::shared_ptr<Driver> driver_;
  std::shared_ptr<const DriverInfo> info_;
};

}  // namespace gantry::plugins
