#pragma once

#include "gantry/error.hpp"

namespace gantry::build {

/// A command of the build ended with an exit code, and the build with it.
class CommandFailed : public Error {
 public:
  CommandFailed(const Error& error, int exit_code) : Error(error), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace gantry::build
