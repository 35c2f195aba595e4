#pragma once

#include <memory>
#include <string>

#include "gantry/driver.hpp"
#include "plugins/handle.hpp"

namespace gantry::plugins {

/// What one opened driver gets from the daemon.
class DriverHost final : public Host {
 public:
  /// Makes the two directories.
  DriverHost(std::shared_ptr<const DriverInfo> driver, std::string data_dir, std::string exec_dir,
             std::string libexec_dir);

  std::string data_dir() const override { return data_dir_; }
  std::string exec_dir() const override { return exec_dir_; }
  std::string libexec_dir() const override { return libexec_dir_; }
  const Options& options() const override { return driver_->settings; }
  void log(LogLevel level, std::string_view message) const noexcept override;
  void* query(std::string_view) noexcept override { return nullptr; }

 private:
  std::shared_ptr<const DriverInfo> driver_;
  std::string data_dir_;
  std::string exec_dir_;
  std::string libexec_dir_;
};

}  // namespace gantry::plugins
