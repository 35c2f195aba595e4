#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "format/go_value.hpp"

/// What a template consists of once it is parsed. Positions are offsets in its text; `text` is how Go's messages show a
/// part.
namespace gantry::cli::syntax {

struct Pipeline;

/// One word of a command.
struct Operand {
  enum class Kind { literal, nil, dot, variable, function, group } kind{Kind::literal};
  GoValue literal;
  std::string name;                    ///< Of the variable or the function.
  std::unique_ptr<Pipeline> pipeline;  ///< Of a group in parentheses.
  std::vector<std::string> fields;     ///< The chain behind it: ".A.B".
  std::size_t position{};
  std::string text;
};

struct Command {
  std::vector<Operand> operands;
  std::size_t position{};
  std::string text;
};

struct Pipeline {
  std::vector<std::string> variables;  ///< What `$x :=` or `$i, $x :=` names.
  bool assigns = false;                ///< `=` instead of `:=`.
  std::vector<Command> commands;
  std::string text;
};

struct Block;

struct Node {
  enum class Kind { text, action, branch, loop, scope, leave, next, call } kind{Kind::text};
  std::string text;  ///< Of a text; the name of the template that a call is for.
  Pipeline pipeline;
  std::unique_ptr<Block> body;
  std::unique_ptr<Block> otherwise;
  std::size_t position{};
};

struct Block {
  std::vector<Node> nodes;
};

/// A template with those that it defines, by name; the whole one's name is that which it was given.
struct Document {
  std::string name;
  std::string text;
  std::map<std::string, std::unique_ptr<Block>, std::less<>> blocks;
};

/// Throws TemplateError. `is_function` says which functions there are.
Document parse(std::string_view name, std::string_view text, const std::function<bool(std::string_view)>& is_function);

/// What the parser has to say, before it is known where.
class ParseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws ParseError: what stands behind a word and ends none.
[[noreturn]] void bad_character(char c);

/// Takes a literal in quotes ("", `` or '') off the front of `text`: what it stands for. Throws ParseError.
GoValue take_quoted(std::string_view& text);
/// The same with a number.
GoValue take_number(std::string_view& text);

/// Reads what stands between "{{" and "}}".
class ActionParser {
 public:
  /// What the actions of a template share.
  struct Scope {
    std::string_view document;  ///< The whole text: positions count from its begin.
    const std::function<bool(std::string_view)>& is_function;
    std::vector<std::string> variables;
  };

  ActionParser(std::string_view text, Scope& scope) : text_(text), scope_(&scope) {}

  bool take(char c);
  bool take_keyword(std::string_view word);
  bool at_end();
  void expect_end(const char* where);
  Pipeline pipeline(const char* where);
  std::string quoted_text(const char* where);
  [[nodiscard]] std::size_t position() const;

 private:
  void skip_space();
  std::string word();
  void read_variables(Pipeline& pipeline, std::string_view where);
  Command command();
  Operand operand();
  void read_name(Operand& operand);
  void read_group(Operand& operand);
  void read_chain(Operand& operand);
  void expect_separator();
  [[noreturn]] void unexpected(const char* where) const;

  std::string_view text_;
  Scope* scope_;
  int depth_ = 0;
  bool last_operand_is_word_ = false;
};

}  // namespace gantry::cli::syntax
