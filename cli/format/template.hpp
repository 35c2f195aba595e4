#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// A template that cannot be read or that asks for what is not there; the message is as Go words it.
class TemplateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace syntax {
struct Block;
}

/// A function that a template may call.
using TemplateFunction = std::function<Json(const std::vector<Json>&)>;
using TemplateFunctions = std::map<std::string, TemplateFunction, std::less<>>;

/// Go's functions and those that Docker adds: json, join, upper, lower, split, title, pad, truncate, println ...
const TemplateFunctions& template_functions();

/// Go's text/template over JSON: what `--format` takes.
///
/// An object's member whose name begins with kMethod is no field: ".Name argument" looks `argument` up in member
/// kMethod + "Name"; if that is null, the argument itself is the answer.
class Template {
 public:
  static constexpr std::string_view kMethod = "()";

  /// Throws TemplateError.
  explicit Template(std::string_view text);
  ~Template();
  Template(Template&&) noexcept;

  /// `functions` come before those of template_functions(). Throws TemplateError.
  [[nodiscard]] std::string execute(const Json& data, const TemplateFunctions& functions = {}) const;

  /// The same into `out`, which after a TemplateError holds what came before it, as Go has written it by then.
  void execute_into(std::string& out, const Json& data, const TemplateFunctions& functions = {}) const;

 private:
  std::unique_ptr<syntax::Block> root_;
};

}  // namespace gantry::cli
