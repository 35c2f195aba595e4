#include "format/template.hpp"

#include <optional>
#include <utility>

#include "format/go_value.hpp"
#include "format/template_syntax.hpp"

namespace gantry::cli {

namespace {

using syntax::Block;
using syntax::Node;
using syntax::Operand;
using syntax::Pipeline;

[[noreturn]] void fail(const std::string& message) { throw TemplateError("template: :1: executing \"\": " + message); }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

// Go's field names and the API's differ in case here and there (ID, Id).
const Json* member(const Json& object, const std::string& name) {
  const auto exact = object.find(name);
  if (exact != object.end()) return &*exact;
  for (const auto& item : object.items()) {
    if (same_ignoring_case(item.key(), name)) return &item.value();
  }
  return nullptr;
}

Json field(const Json& value, const std::string& name) {
  if (value.is_object()) {
    if (const Json* found = member(value, name)) return *found;
    // Go's fields begin with a capital: this is a key of a map, as of labels, and prints as "<no value>".
    if (!name.empty() && std::islower(static_cast<unsigned char>(name.front())) != 0) return nullptr;
    throw TemplateError("template: :1:2: executing \"\" at <." + name + ">: map has no entry for key \"" + name + "\"");
  }
  if (value.is_null()) {
    throw TemplateError("template: :1:2: executing \"\" at <." + name + ">: nil pointer evaluating interface {}." +
                        name);
  }
  throw TemplateError("template: :1:2: executing \"\" at <." + name + ">: can't evaluate field " + name +
                      " in type interface {}");
}

enum class Flow { on, leave, next };

class Execution {
 public:
  Execution(std::string& out, const Json& data, const TemplateFunctions& functions) : functions_(functions), out_(out) {
    variables_.emplace_back("", data);
  }

  void run(const Block& root) {
    const Json data = variables_[0].second;
    block(root, data);
  }

 private:
  Flow block(const Block& block, const Json& dot) {
    const std::size_t mark = variables_.size();
    Flow flow = Flow::on;
    for (const Node& each : block.nodes) {
      flow = node(each, dot);
      if (flow != Flow::on) break;
    }
    variables_.resize(mark);
    return flow;
  }

  Flow node(const Node& node, const Json& dot) {
    switch (node.kind) {
      case Node::Kind::text:
        out_ += node.text;
        return Flow::on;
      case Node::Kind::action: {
        const Json value = pipeline(node.pipeline, dot);
        if (node.pipeline.variables.empty()) out_ += value.is_null() ? "<no value>" : go_text(value);
        return Flow::on;
      }
      case Node::Kind::leave:
        return Flow::leave;
      case Node::Kind::next:
        return Flow::next;
      default:
        return nested(node, dot);
    }
  }

  Flow nested(const Node& node, const Json& dot) {
    const std::size_t mark = variables_.size();
    const Json value = evaluate(node.pipeline, dot);
    Flow flow = Flow::on;
    if (node.kind == Node::Kind::loop) {
      loop(node, value, dot);
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

  void loop(const Node& node, const Json& value, const Json& dot) {
    if (value.is_number_integer()) {
      for (std::int64_t i = 0; i < value.get<std::int64_t>(); ++i) {
        if (!round(node, i, i)) return;
      }
      return;
    }
    if (value.empty()) {
      if (node.otherwise) block(*node.otherwise, dot);
    } else if (value.is_object()) {
      std::map<std::string, const Json*> sorted;
      for (const auto& item : value.items()) sorted.emplace(item.key(), &item.value());
      for (const auto& [key, item] : sorted) {
        if (!round(node, key, *item)) return;
      }
    } else if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (!round(node, i, value[i])) return;
      }
    } else {
      fail("range can't iterate over " + go_text(value));
    }
  }

  // One turn of a loop; false ends the loop.
  bool round(const Node& node, const Json& key, const Json& item) {
    const std::size_t mark = variables_.size();
    const auto& names = node.pipeline.variables;
    if (names.size() == 1) variables_.emplace_back(names[0], item);
    if (names.size() > 1) {
      variables_.emplace_back(names[0], key);
      variables_.emplace_back(names[1], item);
    }
    const Flow flow = block(*node.body, item);
    variables_.resize(mark);
    return flow != Flow::leave;
  }

  void bind(const Pipeline& pipeline, const Json& value) {
    for (const std::string& name : pipeline.variables) {
      if (pipeline.assigns) {
        find_variable(name) = value;
      } else {
        variables_.emplace_back(name, value);
      }
    }
  }

  Json& find_variable(const std::string& name) {
    for (auto each = variables_.rbegin(); each != variables_.rend(); ++each) {
      if (each->first == name) return each->second;
    }
    fail("undefined variable \"$" + name + "\"");
  }

  Json pipeline(const Pipeline& pipeline, const Json& dot) {
    Json value = evaluate(pipeline, dot);
    bind(pipeline, value);
    return value;
  }

  Json evaluate(const Pipeline& pipeline, const Json& dot) {
    std::optional<Json> value;
    for (const syntax::Command& command : pipeline.commands) value = run_command(command, dot, value);
    return std::move(*value);
  }

  Json run_command(const syntax::Command& command, const Json& dot, const std::optional<Json>& piped) {
    const Operand& first = command.front();
    if (first.kind == Operand::Kind::function) return call(command, dot, piped);
    if (command.size() == 1 && !piped) return operand(first, dot);
    if (!first.fields.empty()) return call_method(command, dot, piped);
    fail("can't give argument to non-function");
  }

  Json call(const syntax::Command& command, const Json& dot, const std::optional<Json>& piped) {
    const std::string& name = command.front().name;
    // These two stop at the first argument that decides.
    if ((name == "and" || name == "or") && command.size() > 1) {
      Json value;
      for (std::size_t i = 1; i < command.size(); ++i) {
        value = operand(command[i], dot);
        if (go_truth(value) == (name == "or")) return value;
      }
      return piped ? *piped : value;
    }
    std::vector<Json> arguments;
    for (std::size_t i = 1; i < command.size(); ++i) arguments.push_back(operand(command[i], dot));
    if (piped) arguments.push_back(*piped);
    return chain(function(name)(arguments), command.front().fields);
  }

  const TemplateFunction& function(const std::string& name) const {
    const auto own = functions_.find(name);
    if (own != functions_.end()) return own->second;
    const auto found = template_functions().find(name);
    if (found != template_functions().end()) return found->second;
    throw TemplateError("template: :1: function \"" + name + "\" not defined");
  }

  Json call_method(const syntax::Command& command, const Json& dot, const std::optional<Json>& piped) {
    const Operand& first = command.front();
    auto fields = first.fields;
    const std::string name = fields.back();
    fields.pop_back();
    const Json receiver = chain(base(first, dot), fields);
    const Json argument = command.size() > 1 ? operand(command[1], dot) : *piped;
    const auto method = receiver.is_object() ? receiver.find(std::string(Template::kMethod) + name) : receiver.end();
    if (method == receiver.end()) fail("at <." + name + ">: " + name + " is not a method but has arguments");
    const std::string key = go_text(argument);
    if (method->is_null()) return key;
    return method->contains(key) ? (*method)[key] : Json("");
  }

  Json operand(const Operand& operand, const Json& dot) {
    if (operand.kind == Operand::Kind::function) {
      return chain(function(operand.name)({}), operand.fields);
    }
    return chain(base(operand, dot), operand.fields);
  }

  Json base(const Operand& operand, const Json& dot) {
    switch (operand.kind) {
      case Operand::Kind::dot:
        return dot;
      case Operand::Kind::variable:
        return find_variable(operand.name);
      case Operand::Kind::group:
        return pipeline(*operand.pipeline, dot);
      default:
        return operand.literal;
    }
  }

  static Json chain(Json value, const std::vector<std::string>& fields) {
    for (const std::string& name : fields) value = field(value, name);
    return value;
  }

  const TemplateFunctions& functions_;
  std::vector<std::pair<std::string, Json>> variables_;
  std::string& out_;
};

void check_functions(const Block& block);

void check_functions(const Pipeline& pipeline) {
  for (const auto& command : pipeline.commands) {
    for (const Operand& operand : command) {
      if (operand.pipeline) check_functions(*operand.pipeline);
      if (operand.kind != Operand::Kind::function || operand.name == "and" || operand.name == "or") continue;
      if (template_functions().find(operand.name) == template_functions().end()) {
        throw TemplateError("template: :1: function \"" + operand.name + "\" not defined");
      }
    }
  }
}

void check_functions(const Block& block) {
  for (const Node& node : block.nodes) {
    check_functions(node.pipeline);
    if (node.body) check_functions(*node.body);
    if (node.otherwise) check_functions(*node.otherwise);
  }
}

}  // namespace

Template::Template(std::string_view text) : root_(syntax::parse(text)) { check_functions(*root_); }
Template::~Template() = default;
Template::Template(Template&&) noexcept = default;

std::string Template::execute(const Json& data, const TemplateFunctions& functions) const {
  std::string out;
  execute_into(out, data, functions);
  return out;
}

void Template::execute_into(std::string& out, const Json& data, const TemplateFunctions& functions) const {
  Execution(out, data, functions).run(*root_);
}

}  // namespace gantry::cli
