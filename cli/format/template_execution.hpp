#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "format/template.hpp"
#include "format/template_syntax.hpp"

namespace gantry::cli {

/// One run of a template.
class Execution {
 public:
  struct Rules {
    const syntax::Document& document;
    const TemplateFunctions& functions;
    bool refuses_missing_keys;
  };

  Execution(const Rules& rules, std::string& out) : rules_(rules), out_(out) {}

  /// The template of that name.
  void run(const std::string& name, const GoValue& data);

 private:
  enum class Flow { on, leave, next };
  using Arguments = std::vector<const syntax::Operand*>;

  Flow block(const syntax::Block& block, const GoValue& dot);
  Flow node(const syntax::Node& node, const GoValue& dot);
  Flow nested(const syntax::Node& node, const GoValue& dot);
  Flow loop(const syntax::Node& node, const GoValue& value, const GoValue& dot);
  bool round(const syntax::Node& node, const GoValue& key, const GoValue& item, Flow& flow);
  void call(const syntax::Node& node, const GoValue& dot);
  void bind(const syntax::Pipeline& pipeline, const GoValue& value);
  GoValue& variable(const std::string& name);

  GoValue pipeline(const syntax::Pipeline& pipeline, const GoValue& dot);
  GoValue evaluate(const syntax::Pipeline& pipeline, const GoValue& dot);
  GoValue command(const syntax::Command& command, const GoValue& dot, const std::optional<GoValue>& piped);
  GoValue function(const syntax::Command& command, const GoValue& dot, const std::optional<GoValue>& piped);
  GoValue short_circuit(const syntax::Command& command, const GoValue& dot, const std::optional<GoValue>& piped);
  GoValue argument(const syntax::Operand& operand, const GoValue& dot, const GoType* type);
  GoValue checked(const GoValue& value, const GoType* type);
  GoValue base(const syntax::Operand& operand, const GoValue& dot);
  GoValue chain(const syntax::Operand& operand, const GoValue& dot, const Arguments& arguments = {},
                const std::optional<GoValue>& piped = std::nullopt);
  GoValue field(const GoValue& receiver, const std::string& name, bool has_arguments);
  std::optional<GoValue> method(const GoValue& receiver, const std::string& name, const GoValue& dot,
                                const Arguments& arguments, const std::optional<GoValue>& piped);
  void check_count(const std::string& name, const TemplateFunction& function, std::size_t given);
  const TemplateFunction& find_function(const std::string& name) const;

  void at(std::size_t position, const std::string& text);
  [[noreturn]] void fail(const std::string& message) const;

  Rules rules_;
  std::string& out_;
  std::string name_;
  std::vector<std::pair<std::string, GoValue>> variables_;
  std::size_t position_ = 0;
  std::string shown_;
  int depth_ = 0;
};

}  // namespace gantry::cli
