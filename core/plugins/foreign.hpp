#pragma once

#include "plugins/handle.hpp"

namespace gantry::plugins {

/// For a catch (...) around a driver's code: the exception in flight as the daemon's own, so that nothing made by the
/// driver outlives the call. A foreign one becomes `Errc::internal`, naming the driver, and is logged.
Error translate_exception(const DriverInfo& driver);

/// Calls a driver's code on this thread; what it throws comes out translated.
template <class Work>
auto translated(const DriverInfo& driver, Work work) {
  try {
    return work();
  } catch (...) {
    throw translate_exception(driver);
  }
}

}  // namespace gantry::plugins
