#pragma once

#include <stdexcept>
#include <string>

namespace gantry::cli {

/// A text from elsewhere may hold NULs, which no terminal shows and at which what() would end: they are left out.
inline std::string without_nul(std::string text) {
  std::erase(text, '\0');
  return text;
}

/// Ends the program with `code`; the message, if any, goes to stderr as it is.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, int code = 1) : std::runtime_error(without_nul(message)), code_(code) {}

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
