#include "format/template.hpp"

#include "format/template_execution.hpp"
#include "format/template_syntax.hpp"

namespace gantry::cli {

namespace {

bool is_function(std::string_view name) {
  return name == "and" || name == "or" || template_functions().find(name) != template_functions().end();
}

}  // namespace

Template::Template(std::string_view text, std::string_view name)
    : document_(std::make_unique<syntax::Document>(syntax::parse(name, text, is_function))) {}
Template::~Template() = default;
Template::Template(Template&&) noexcept = default;

std::string Template::execute(const GoValue& data, const TemplateFunctions& functions) const {
  std::string out;
  execute_into(out, data, functions);
  return out;
}

void Template::execute_into(std::string& out, const GoValue& data, const TemplateFunctions& functions) const {
  Execution({*document_, functions, refuses_missing_keys_}, out).run(document_->name, data);
}

}  // namespace gantry::cli
