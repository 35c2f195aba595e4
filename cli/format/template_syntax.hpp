#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

/// What a template consists of once it is parsed.
namespace gantry::cli::syntax {

struct Pipeline;

/// One word of a command.
struct Operand {
  enum class Kind { literal, dot, variable, function, group } kind{Kind::literal};
  Json literal;
  std::string name;                    ///< Of the variable or the function.
  std::unique_ptr<Pipeline> pipeline;  ///< Of a group in parentheses.
  std::vector<std::string> fields;     ///< The chain behind it: ".A.B".
};

using Command = std::vector<Operand>;

struct Pipeline {
  std::vector<std::string> variables;  ///< What `$x :=` or `$i, $x :=` names.
  bool assigns = false;                ///< `=` instead of `:=`.
  std::vector<Command> commands;
};

struct Block;

struct Node {
  enum class Kind { text, action, branch, loop, scope, leave, next } kind{Kind::text};
  std::string text;
  Pipeline pipeline;
  std::unique_ptr<Block> body;
  std::unique_ptr<Block> otherwise;
};

struct Block {
  std::vector<Node> nodes;
};

/// Throws TemplateError.
std::unique_ptr<Block> parse(std::string_view text);

}  // namespace gantry::cli::syntax
