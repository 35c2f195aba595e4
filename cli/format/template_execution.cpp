#include "format/template_execution.hpp"

#include <algorithm>
#include <cstdint>

namespace gantry::cli {

namespace {

using syntax::Block;
using syntax::Command;
using syntax::Node;
using syntax::Operand;
using syntax::Pipeline;
using Kind = GoType::Kind;

constexpr int kDeepestCall = 1000;  // Go allows 100000; its stacks grow.

}  // namespace

void Execution::at(std::size_t position, const std::string& text) {
  position_ = position;
  shown_ = text;
}

void Execution::fail(const std::string& message) const {
  const std::string& text = rules_.document.text;
  const std::string before = text.substr(0, position_);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto newline = before.rfind('\n');
  const std::size_t column = newline == std::string::npos ? position_ : position_ - newline - 1;
  throw TemplateError("template: " + rules_.document.name + ":" + std::to_string(line) + ":" + std::to_string(column) +
                      ": executing " + go_quote(name_) + " at <" + shown_ + ">: " + message);
}

void Execution::run(const std::string& name, const GoValue& data) {
  const auto found = rules_.document.blocks.find(name);
  if (found == rules_.document.blocks.end()) fail("template " + go_quote(name) + " not defined");
  std::vector<std::pair<std::string, GoValue>> outer{{"", data}};
  std::swap(outer, variables_);
  std::string outer_name = std::exchange(name_, name);
  block(*found->second, data);
  name_ = std::move(outer_name);
  std::swap(outer, variables_);
}

Execution::Flow Execution::block(const Block& block, const GoValue& dot) {
  const std::size_t mark = variables_.size();
  Flow flow = Flow::on;
  for (const Node& each : block.nodes) {
    flow = node(each, dot);
    if (flow != Flow::on) break;
  }
  variables_.resize(mark);
  return flow;
}

Execution::Flow Execution::node(const Node& node, const GoValue& dot) {
  switch (node.kind) {
    case Node::Kind::text:
      out_ += node.text;
      return Flow::on;
    case Node::Kind::action: {
      const GoValue value = pipeline(node.pipeline, dot);
      if (node.pipeline.variables.empty()) out_ += value.is_valid() ? go_text(value) : "<no value>";
      return Flow::on;
    }
    case Node::Kind::leave:
      return Flow::leave;
    case Node::Kind::next:
      return Flow::next;
    case Node::Kind::call:
      call(node, dot);
      return Flow::on;
    default:
      return nested(node, dot);
  }
}

void Execution::call(const Node& node, const GoValue& dot) {
  const std::string argument = node.pipeline.commands.empty() ? "" : " " + node.pipeline.text;
  at(node.position, "{{template " + go_quote(node.text) + argument + "}}");
  if (rules_.document.blocks.count(node.text) == 0) fail("template " + go_quote(node.text) + " not defined");
  if (++depth_ > kDeepestCall) fail("exceeded maximum template depth (" + std::to_string(kDeepestCall) + ")");
  const GoValue data = node.pipeline.commands.empty() ? GoValue() : pipeline(node.pipeline, dot);
  run(node.text, data);
  --depth_;
}

Execution::Flow Execution::nested(const Node& node, const GoValue& dot) {
  const std::size_t mark = variables_.size();
  const GoValue value = evaluate(node.pipeline, dot);
  Flow flow = Flow::on;
  if (node.kind == Node::Kind::loop) {
    flow = loop(node, value.indirect(), dot);
  } else {
    bind(node.pipeline, value);
    if (go_truth(value)) {
      flow = block(*node.body, node.kind == Node::Kind::scope ? value : dot);
    } else if (node.otherwise) {
      flow = block(*node.otherwise, dot);
    }
  }
  variables_.resize(mark);
  return flow;
}

Execution::Flow Execution::loop(const Node& node, const GoValue& value, const GoValue& dot) {
  Flow flow = Flow::on;
  const auto otherwise = [&] { return node.otherwise ? block(*node.otherwise, dot) : Flow::on; };
  if (!value.is_valid()) return otherwise();
  if (value.type->kind == Kind::integer) {
    const std::int64_t count = value.json.is_null() ? 0 : value.json.get<std::int64_t>();
    if (count <= 0) return otherwise();
    for (std::int64_t i = 0; i < count; ++i) {
      const GoValue number(go_type("int"), i);
      if (!round(node, number, number, flow)) break;
    }
  } else if (value.type->kind == Kind::map) {
    if (value.size() == 0) return otherwise();
    std::map<std::string, const Json*> sorted;
    for (const auto& item : value.json.items()) sorted.emplace(item.key(), &item.value());
    for (const auto& [key, item] : sorted) {
      if (!round(node, {value.type->key, key}, value.item(*item), flow)) break;
    }
  } else if (value.type->kind == Kind::slice) {
    if (value.size() == 0) return otherwise();
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!round(node, {go_type("int"), i}, value.item(value.json[i]), flow)) break;
    }
  } else {
    fail("range can't iterate over " + go_text(value));
  }
  return Flow::on;
}

// One turn of a loop; false ends the loop.
bool Execution::round(const Node& node, const GoValue& key, const GoValue& item, Flow& flow) {
  const std::size_t mark = variables_.size();
  const auto& names = node.pipeline.variables;
  const auto set = [&](const std::string& name, const GoValue& value) {
    if (node.pipeline.assigns) {
      variable(name) = value;
    } else {
      variables_.emplace_back(name, value);
    }
  };
  if (names.size() == 1) set(names[0], item);
  if (names.size() > 1) {
    set(names[0], key);
    set(names[1], item);
  }
  flow = block(*node.body, item);
  variables_.resize(mark);
  return flow != Flow::leave;
}

void Execution::bind(const Pipeline& pipeline, const GoValue& value) {
  for (const std::string& name : pipeline.variables) {
    if (pipeline.assigns) {
      variable(name) = value;
    } else {
      variables_.emplace_back(name, value);
    }
  }
}

GoValue& Execution::variable(const std::string& name) {
  for (auto each = variables_.rbegin(); each != variables_.rend(); ++each) {
    if (each->first == name) return each->second;
  }
  fail("undefined variable: $" + name);
}

GoValue Execution::pipeline(const Pipeline& pipeline, const GoValue& dot) {
  GoValue value = evaluate(pipeline, dot);
  bind(pipeline, value);
  return value;
}

GoValue Execution::evaluate(const Pipeline& pipeline, const GoValue& dot) {
  std::optional<GoValue> value;
  for (const Command& each : pipeline.commands) {
    value = command(each, dot, value);
    // What is in an interface counts for what it is.
    if (value->is_valid() && value->type->kind == Kind::any) value = GoValue(value->json);
  }
  return std::move(*value);
}

}  // namespace gantry::cli
