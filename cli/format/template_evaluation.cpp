// How a template's commands get their values: fields, methods, functions.

#include <algorithm>

#include "format/go_methods.hpp"
#include "format/template_execution.hpp"

namespace gantry::cli {

namespace {

using syntax::Command;
using syntax::Operand;
using Kind = GoType::Kind;

bool is_named_text(const GoType& type) { return type.kind == Kind::text && type.name != "string"; }

// Whether Go assigns a value of one type to a parameter of the other.
bool is_assignable(const GoType& from, const GoType& to) {
  if (to.kind == Kind::any || &from == &to) return true;
  if (from.kind != to.kind || is_named_text(from)) return false;
  return to.kind == Kind::slice ? from.element == to.element : from.name == to.name;
}

std::string count_text(std::size_t count) { return std::to_string(count); }

}  // namespace

GoValue Execution::command(const Command& command, const GoValue& dot, const std::optional<GoValue>& piped) {
  const Operand& first = command.operands.front();
  const bool has_arguments = command.operands.size() > 1 || piped.has_value();
  if (first.kind == Operand::Kind::function && first.fields.empty()) return function(command, dot, piped);
  if (first.fields.empty()) {
    at(first.position, first.text);
    if (has_arguments) fail("can't give argument to non-function " + first.text);
    if (first.kind == Operand::Kind::nil) fail("nil is not a command");
    return base(first, dot);
  }
  Arguments arguments;
  for (std::size_t i = 1; i < command.operands.size(); ++i) arguments.push_back(&command.operands[i]);
  return chain(first, dot, arguments, piped);
}

const TemplateFunction& Execution::find_function(const std::string& name) const {
  const auto own = rules_.functions.find(name);
  if (own != rules_.functions.end()) return own->second;
  return template_functions().find(name)->second;
}

void Execution::check_count(const std::string& name, const TemplateFunction& function, std::size_t given) {
  const std::size_t wanted = function.parameters.size();
  const std::string begin = "wrong number of args for " + name + ": want ";
  if (function.is_variadic && given + 1 < wanted) {
    fail(begin + "at least " + count_text(wanted - 1) + " got " + count_text(given));
  }
  if (!function.is_variadic && given != wanted) fail(begin + count_text(wanted) + " got " + count_text(given));
}

GoValue Execution::function(const Command& command, const GoValue& dot, const std::optional<GoValue>& piped) {
  const Operand& first = command.operands.front();
  at(first.position, first.text);
  if (first.name == "and" || first.name == "or") return short_circuit(command, dot, piped);
  const TemplateFunction& called = find_function(first.name);
  check_count(first.name, called, command.operands.size() - 1 + (piped ? 1 : 0));
  const auto parameter = [&](std::size_t i) { return called.parameters[std::min(i, called.parameters.size() - 1)]; };
  std::vector<GoValue> arguments;
  for (std::size_t i = 1; i < command.operands.size(); ++i) {
    arguments.push_back(argument(command.operands[i], dot, parameter(i - 1)));
  }
  if (piped) arguments.push_back(checked(*piped, parameter(arguments.size())));
  if (first.name == "call") {
    at(command.position, command.text);
    if (!arguments[0].is_valid()) fail("error calling call: call of nil");
    const std::string what = command.operands.size() > 1 ? command.operands[1].text : go_text(arguments[0]);
    fail("error calling call: non-function " + what + " of type " + arguments[0].type->name);
  }
  try {
    return called.body(arguments);
  } catch (const FunctionError& error) {
    at(command.position, command.text);
    fail("error calling " + first.name + ": " + error.what());
  }
}

// These two stop at the first argument that decides.
GoValue Execution::short_circuit(const Command& command, const GoValue& dot, const std::optional<GoValue>& piped) {
  const std::string& name = command.operands.front().name;
  if (command.operands.size() == 1 && !piped) fail("wrong number of args for " + name + ": want at least 1 got 0");
  GoValue value;
  for (std::size_t i = 1; i < command.operands.size(); ++i) {
    value = argument(command.operands[i], dot, nullptr);
    if (go_truth(value) == (name == "or")) return value;
  }
  return piped ? *piped : value;
}

GoValue Execution::argument(const Operand& operand, const GoValue& dot, const GoType* type) {
  at(operand.position, operand.text);
  if (operand.kind == Operand::Kind::nil) {
    if (type != nullptr && !type->can_be_nil()) fail("cannot assign nil to " + type->name);
    return {};
  }
  if (operand.kind == Operand::Kind::literal) {
    const bool is_text = operand.literal.type->kind == Kind::text;
    const bool is_whole = operand.literal.type->kind == Kind::integer;
    if (type == nullptr) return operand.literal;
    if (type->kind == Kind::text && !is_text) fail("expected string; found " + operand.text);
    const bool is_number = type->kind == Kind::integer || type->kind == Kind::duration;
    if (is_number && !is_whole) fail("expected integer; found " + operand.text);
    if (type->kind == Kind::slice || type->kind == Kind::structure || type->kind == Kind::time)
      fail("can't handle " + operand.text + " for arg of type " + type->name);
    return operand.literal;
  }
  if (operand.fields.empty()) return checked(base(operand, dot), type);
  return checked(chain(operand, dot), type);
}

GoValue Execution::checked(const GoValue& value, const GoType* type) {
  const bool is_interface = value.is_valid() && value.type->kind == Kind::any;
  if (is_interface && !value.json.is_null()) return checked(value.indirect(), type);
  if (type == nullptr) return is_interface ? GoValue() : value;
  if (!value.is_valid()) {
    if (!type->can_be_nil()) fail("invalid value; expected " + type->name);
    return {type, nullptr};
  }
  if (is_assignable(*value.type, *type)) return value;
  if (value.type->kind == Kind::pointer && is_assignable(*value.type->element, *type)) {
    if (value.is_nil()) fail("dereference of nil pointer of type " + value.type->name);
    return value.indirect();
  }
  fail("wrong type for value; expected " + type->name + "; got " + value.type->name);
}

GoValue Execution::base(const Operand& operand, const GoValue& dot) {
  switch (operand.kind) {
    case Operand::Kind::dot:
      return dot;
    case Operand::Kind::variable:
      return variable(operand.name);
    case Operand::Kind::group:
      return pipeline(*operand.pipeline, dot);
    case Operand::Kind::function: {
      at(operand.position, operand.text);
      if (operand.name == "and" || operand.name == "or") {
        fail("wrong number of args for " + operand.name + ": want at least 1 got 0");
      }
      const TemplateFunction& called = find_function(operand.name);
      check_count(operand.name, called, 0);
      return called.body({});
    }
    default:
      return operand.literal;
  }
}

GoValue Execution::chain(const Operand& operand, const GoValue& dot, const Arguments& arguments,
                         const std::optional<GoValue>& piped) {
  // The dot can be a whole document: it is not copied for each of its fields.
  std::optional<GoValue> value;
  at(operand.position, operand.text);
  if (operand.kind != Operand::Kind::dot) value = base(operand, dot);
  const std::string& last = operand.fields.back();
  for (const std::string& name : operand.fields) {
    const bool is_last = &name == &last;
    const bool has_arguments = is_last && (!arguments.empty() || piped);
    const Arguments none;
    const GoValue& receiver = value ? *value : dot;
    auto called = method(receiver, name, dot, is_last ? arguments : none, is_last ? piped : std::nullopt);
    if (!called) called = field(receiver, name, has_arguments);
    value = std::move(called);
  }
  return std::move(*value);
}

std::optional<GoValue> Execution::method(const GoValue& receiver, const std::string& name, const GoValue& dot,
                                         const Arguments& arguments, const std::optional<GoValue>& piped) {
  const std::size_t given = arguments.size() + (piped ? 1 : 0);
  // Each field of a row is a method without arguments.
  if (receiver.is_valid() && receiver.type->kind == Kind::row && receiver.has_field(name)) {
    check_count(name, {}, given);
    return std::nullopt;
  }
  const TemplateFunction* called = find_method(receiver, name);
  if (called == nullptr) return std::nullopt;
  check_count(name, *called, given);
  std::vector<GoValue> all{receiver.indirect()};
  for (const Operand* each : arguments) all.push_back(argument(*each, dot, called->parameters[all.size() - 1]));
  if (piped) all.push_back(checked(*piped, called->parameters.back()));
  return called->body(all);
}

GoValue Execution::field(const GoValue& receiver, const std::string& name, bool has_arguments) {
  if (!receiver.is_valid() || (receiver.type->kind == Kind::any && receiver.json.is_null())) {
    if (!receiver.is_valid() && rules_.refuses_missing_keys) fail("nil data; no entry for key " + go_quote(name));
    if (!receiver.is_valid()) return {};
    fail("nil pointer evaluating interface {}." + name);
  }
  std::optional<GoValue> behind;
  if (receiver.type->kind == Kind::any || receiver.type->kind == Kind::pointer) behind = receiver.indirect();
  const GoValue& value = behind ? *behind : receiver;
  const std::string& type_name = receiver.type->name;
  if (value.has_field(name)) {
    if (has_arguments) fail(name + " has arguments but cannot be invoked as function");
    return value.field(name);
  }
  if (value.type->kind == Kind::map) {
    if (has_arguments) fail(name + " is not a method but has arguments");
    if (value.json.is_object() && value.json.contains(name)) return value.item(value.json[name]);
    if (rules_.refuses_missing_keys) fail("map has no entry for key " + go_quote(name));
    return {};
  }
  if (value.type->kind == Kind::pointer) {
    const GoValue zero(value.type->element, nullptr);
    if (zero.type == nullptr || zero.type->kind != Kind::structure || zero.has_field(name)) {
      fail("nil pointer evaluating " + type_name + "." + name);
    }
  }
  fail("can't evaluate field " + name + " in type " + type_name);
}

}  // namespace gantry::cli
