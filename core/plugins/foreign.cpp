#include "plugins/foreign.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "plugins/log.hpp"

namespace gantry::plugins {
namespace {

std::string current_exception_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "unknown";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name{abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                         &std::free};
  return name ? name.get() : type->name();
}

Error defect(const DriverInfo& driver, const std::string& what) {
  const std::string message = "driver \"" + driver.name + "\" failed with a foreign exception of type " + what;
  log_line(driver, LogLevel::error, message);
  return Error{Errc::internal, message};
}

}  // namespace

Error translate_exception(const DriverInfo& driver) {
  try {
    throw;
  } catch (const Error& error) {
    const bool known = error.code() >= Errc::invalid && error.code() <= Errc::internal;
    return Error{known ? error.code() : Errc::internal, error.what()};
  } catch (const std::exception& error) {
    return defect(driver, current_exception_type() + ": " + error.what());
  } catch (...) {
    return defect(driver, current_exception_type());
  }
}

}  // namespace gantry::plugins
