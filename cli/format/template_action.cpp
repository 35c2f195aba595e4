#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "format/template_syntax.hpp"

namespace gantry::cli::syntax {

namespace {

constexpr int kDeepest = 100;

bool is_word_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_keyword(const std::string& word) {
  for (const char* keyword :
       {"block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"}) {
    if (word == keyword) return true;
  }
  return false;
}

// Text as Go's messages show it: what is long is cut.
std::string shown(std::string_view text) {
  if (text.size() > 10) return go_quote(text.substr(0, 10)) + "...";
  return go_quote(text);
}

std::string pipeline_text(const Pipeline& pipeline) {
  std::string out;
  for (const std::string& name : pipeline.variables) out += (out.empty() ? "$" : ", $") + name;
  if (!out.empty()) out += pipeline.assigns ? " = " : " := ";
  for (const Command& command : pipeline.commands)
    out += (&command == &pipeline.commands.front() ? "" : " | ") + command.text;
  return out;
}

}  // namespace

bool ActionParser::take(char c) {
  skip_space();
  if (text_.empty() || text_[0] != c) return false;
  text_.remove_prefix(1);
  return true;
}

bool ActionParser::take_keyword(std::string_view word) {
  skip_space();
  if (text_.substr(0, word.size()) != word) return false;
  if (text_.size() > word.size() && is_word_part(text_[word.size()])) return false;
  text_.remove_prefix(word.size());
  return true;
}

bool ActionParser::at_end() {
  skip_space();
  return text_.empty();
}

void ActionParser::expect_end(const char* where) {
  skip_space();
  if (text_.empty()) return;
  if (text_[0] == ')') throw ParseError("unexpected right paren");
  unexpected(where);
}

std::string ActionParser::quoted_text(const char* where) {
  skip_space();
  if (text_.empty() || (text_[0] != '"' && text_[0] != '`')) unexpected(where);
  return take_quoted(text_).text();
}

void bad_character(char c) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "U+%04X '%c'", static_cast<unsigned>(static_cast<unsigned char>(c)), c);
  throw ParseError(std::string("bad character ") + text.data());
}

std::size_t ActionParser::position() const { return static_cast<std::size_t>(text_.data() - scope_->document.data()); }

void ActionParser::unexpected(const char* where) const {
  std::string_view rest = text_;
  std::string token;
  if (rest.empty()) {
    token = shown("}}");
  } else if (rest[0] == '.' && (rest.size() == 1 || !is_word_part(rest[1]))) {
    token = "<.>";
  } else {
    std::size_t size = rest[0] == '.' || rest[0] == '$' ? 1 : 0;
    while (size < rest.size() && is_word_part(rest[size])) ++size;
    const std::string word(rest.substr(0, std::max<std::size_t>(size, 1)));
    token = is_keyword(word) ? "<" + word + ">" : shown(word);
  }
  throw ParseError("unexpected " + token + " in " + where);
}

void ActionParser::skip_space() {
  while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_[0])) != 0) text_.remove_prefix(1);
}

std::string ActionParser::word() {
  std::size_t size = 0;
  while (size < text_.size() && is_word_part(text_[size])) ++size;
  std::string name(text_.substr(0, size));
  text_.remove_prefix(size);
  return name;
}

// "$x :=", "$x =" or "$i, $x :="; else the text stays as it is.
void ActionParser::read_variables(Pipeline& pipeline, std::string_view where) {
  const auto start = text_;
  std::vector<std::string> names;
  while (take('$')) {
    names.push_back(word());
    if (take(',')) {
      if (where != "range" || names.size() > 1) {
        throw ParseError("too many declarations in " + std::string(where));
      }
      skip_space();
      if (!text_.empty() && text_[0] != '$') throw ParseError("range can only initialize variables");
      continue;
    }
    const bool declares = take(':');
    if (take('=')) {
      pipeline.variables = std::move(names);
      pipeline.assigns = !declares;
      return;
    }
    break;
  }
  text_ = start;
}

Pipeline ActionParser::pipeline(const char* where) {
  Pipeline pipeline;
  read_variables(pipeline, where);
  for (;;) {
    skip_space();
    if (text_.empty() || text_[0] == ')') break;
    pipeline.commands.push_back(command());
    if (!take('|')) break;
  }
  if (pipeline.commands.empty() && depth_ == 0 && !text_.empty()) throw ParseError("unexpected right paren");
  if (pipeline.commands.empty()) throw ParseError(std::string("missing value for ") + where);
  for (std::size_t i = 1; i < pipeline.commands.size(); ++i) {
    const Operand& first = pipeline.commands[i].operands[0];
    const bool is_plain =
        first.fields.empty() &&
        (first.kind == Operand::Kind::literal || first.kind == Operand::Kind::nil || first.kind == Operand::Kind::dot);
    if (is_plain) throw ParseError("non executable command in pipeline stage " + std::to_string(i + 1));
  }
  for (const std::string& name : pipeline.variables) {
    if (!pipeline.assigns) scope_->variables.push_back(name);
  }
  pipeline.text = pipeline_text(pipeline);
  return pipeline;
}

Command ActionParser::command() {
  Command command;
  skip_space();
  if (text_[0] == '|') unexpected("command");
  command.position = position();
  while (!text_.empty() && text_[0] != '|' && text_[0] != ')') {
    Operand next = operand();
    command.text += (command.operands.empty() ? "" : " ") + next.text;
    command.operands.push_back(std::move(next));
    expect_separator();
  }
  if (command.operands.empty()) throw ParseError("missing value for command");
  return command;
}

void ActionParser::expect_separator() {
  const bool separated =
      text_.empty() || text_[0] == '|' || text_[0] == ')' || std::isspace(static_cast<unsigned char>(text_[0])) != 0;
  if (!separated) {
    const char c = text_[0];
    const bool ends_word = last_operand_is_word_ && std::string_view(".,:(").find(c) == std::string_view::npos;
    if (ends_word && c > ' ' && c < 0x7f) bad_character(c);
    unexpected("operand");
  }
  skip_space();
}

Operand ActionParser::operand() {
  Operand operand;
  operand.position = position();
  const auto start = text_;
  const char c = text_[0];
  const auto is_digit = [&](std::size_t i) {
    return text_.size() > i && std::isdigit(static_cast<unsigned char>(text_[i]));
  };
  if (c == '.' && !is_digit(1)) {
    operand.kind = Operand::Kind::dot;
    if (text_.size() == 1 || !is_word_part(text_[1])) text_.remove_prefix(1);
    if (!text_.empty() && text_.data() != start.data() && text_[0] == '.') {
      throw ParseError("unexpected . after term \".\"");
    }
  } else if (c == '$') {
    text_.remove_prefix(1);
    operand.kind = Operand::Kind::variable;
    operand.name = word();
    const auto& known = scope_->variables;
    if (std::find(known.begin(), known.end(), operand.name) == known.end()) {
      throw ParseError("undefined variable \"$" + operand.name + "\"");
    }
  } else if (c == '(') {
    read_group(operand);
  } else if (c == '"' || c == '`' || c == '\'') {
    operand.literal = take_quoted(text_);
  } else if (is_digit(0) || c == '.' || c == '-' || c == '+') {
    operand.literal = take_number(text_);
  } else if (is_word_part(c)) {
    read_name(operand);
  } else {
    unexpected("command");
  }
  const auto taken = start.substr(0, start.size() - text_.size());
  operand.text = operand.kind == Operand::Kind::group ? "(" + operand.pipeline->text + ")" : std::string(taken);
  read_chain(operand);
  const char end = operand.text.empty() ? ' ' : operand.text.back();
  last_operand_is_word_ =
      operand.kind != Operand::Kind::literal && operand.kind != Operand::Kind::group && is_word_part(end);
  return operand;
}

void ActionParser::read_group(Operand& operand) {
  if (++depth_ > kDeepest) throw ParseError("too many parentheses");
  text_.remove_prefix(1);
  operand.kind = Operand::Kind::group;
  operand.pipeline = std::make_unique<Pipeline>(pipeline("parenthesized pipeline"));
  if (!take(')')) throw ParseError("unclosed left paren");
  --depth_;
}

void ActionParser::read_name(Operand& operand) {
  const auto start = text_;
  const std::string name = word();
  if (name == "true" || name == "false") {
    operand.literal = GoValue(go_type("bool"), name == "true");
  } else if (name == "nil") {
    operand.kind = Operand::Kind::nil;
  } else if (is_keyword(name)) {
    text_ = start;
    unexpected("command");
  } else if (!scope_->is_function(name)) {
    throw ParseError("function " + go_quote(name) + " not defined");
  } else {
    operand.kind = Operand::Kind::function;
    operand.name = name;
  }
}

// Go takes a chain of fields for one word, which is where its second field is.
void ActionParser::read_chain(Operand& operand) {
  const bool is_plain = operand.kind == Operand::Kind::literal || operand.kind == Operand::Kind::nil;
  while (!text_.empty() && text_[0] == '.') {
    if (text_.size() == 1 || !is_word_part(text_[1])) {
      if (operand.kind == Operand::Kind::dot && operand.fields.empty()) return;
      unexpected("operand");
    }
    if (is_plain) throw ParseError("unexpected . after term " + go_quote(operand.text));
    const bool is_second = operand.kind == Operand::Kind::dot ? operand.fields.size() == 1 : operand.fields.empty();
    if (is_second) operand.position = position();
    text_.remove_prefix(1);
    operand.fields.push_back(word());
    operand.text += "." + operand.fields.back();
  }
}

}  // namespace gantry::cli::syntax
