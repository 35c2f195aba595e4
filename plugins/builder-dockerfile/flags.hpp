#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node.hpp"

namespace gantry::dockerfile {

/// The --flags of one instruction, taken one by one.
class Flags {
 public:
  explicit Flags(const Node& node) : given_(node.flags) {}

  /// The value of --name; empty if it was not given. Errors: invalid (given twice, or without a value).
  std::string text(const std::string& name);
  std::vector<std::string> list(const std::string& name);
  bool boolean(const std::string& name) { return choice(name).value_or(false); }
  /// None if it was not given.
  std::optional<bool> choice(const std::string& name);

  /// Errors: invalid if one was given that nobody took.
  void check() const;

 private:
  std::vector<std::string> given_;
  std::vector<std::string> known_;
};

}  // namespace gantry::dockerfile
