#pragma once

#include <stdexcept>
#include <string>

namespace gantry::cli {

/// Ends the program with `code`; the message, if any, goes to stderr as it is.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, int code = 1) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

/// What a flag's value has against it; the flag parser adds which flag and which value.
class InvalidValue : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace gantry::cli
