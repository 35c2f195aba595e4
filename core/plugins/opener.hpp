#pragma once

#include <memory>
#include <string>
#include <utility>

#include "plugins/catalog.hpp"
#include "plugins/drivers.hpp"
#include "plugins/foreign.hpp"
#include "plugins/host.hpp"
#include "plugins/options.hpp"

namespace gantry::plugins {

/// An opened driver's object and what it may use; the object goes first.
struct Opened {
  std::shared_ptr<DriverHost> host;
  std::shared_ptr<void> object;
};

/// What it takes to open a driver. Any thread: shared with those that open, as one that is given up may outlive all
/// else.
struct Opener {
  explicit Opener(const DriverConfig& config)
      : data_root(config.data_root), exec_root(config.exec_root), libexec_dir(config.libexec_dir), isolation(config) {}

  const std::string data_root;
  const std::string exec_root;
  const std::string libexec_dir;
  Isolation isolation;

  /// `instance`: what its folders are named by. Errors: invalid (options), else as of the driver.
  template <class Driver>
  Handle<Driver> open(const Found& found, const std::string& instance, const Options& given) {
    const auto info = std::make_shared<DriverInfo>(found.info);
    info->settings = complete_options(*info, given);
    info->instance = instance;
    const std::string folder = "/drivers/" + info->kind + "-" + instance;
    const auto opened = std::make_shared<Opened>();
    opened->host = std::make_shared<DriverHost>(info, data_root + folder, exec_root + folder, libexec_dir);
    opened->object = info->isolated ? isolation.make(info) : found.library->make();
    auto* driver = static_cast<Driver*>(opened->object.get());
    try {
      translated(*info, [&] { driver->open(*opened->host); });
    } catch (const Error& error) {
      throw Error{error.code(), info->kind + " driver \"" + info->name + "\" cannot be used: " + error.what()};
    }
    return {std::shared_ptr<Driver>{opened, driver}, info};
  }
};

}  // namespace gantry::plugins
