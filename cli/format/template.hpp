#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "format/go_function.hpp"
#include "json.hpp"

namespace gantry::cli {

/// A template that cannot be read or that asks for what is not there; the message is as Go words it.
class TemplateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace syntax {
struct Document;
}

/// Go's functions and those that Docker adds: json, join, upper, lower, split, title, pad, truncate, println ...
const TemplateFunctions& template_functions();

/// Go's text/template: what `--format` takes.
class Template {
 public:
  /// `name` stands in its messages. Throws TemplateError.
  explicit Template(std::string_view text, std::string_view name = {});
  ~Template();
  Template(Template&&) noexcept;

  /// From now on a key that a map has not is an error.
  void refuse_missing_keys() { refuses_missing_keys_ = true; }

  /// `functions` come before those of template_functions(). Throws TemplateError.
  [[nodiscard]] std::string execute(const GoValue& data, const TemplateFunctions& functions = {}) const;

  /// The same into `out`, which after a TemplateError holds what came before it, as Go has written it by then.
  void execute_into(std::string& out, const GoValue& data, const TemplateFunctions& functions = {}) const;

 private:
  std::unique_ptr<syntax::Document> document_;
  bool refuses_missing_keys_ = false;
};

}  // namespace gantry::cli
