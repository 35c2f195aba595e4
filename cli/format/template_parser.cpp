#include <cctype>
#include <cstdlib>
#include <optional>

#include "format/template.hpp"
#include "format/template_syntax.hpp"

namespace gantry::cli::syntax {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

[[noreturn]] void fail(const std::string& message) { throw TemplateError("template: :1: " + message); }

/// Reads what stands between "{{" and "}}".
class ActionParser {
 public:
  explicit ActionParser(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_space();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool take_keyword(std::string_view word) {
    skip_space();
    if (text_.substr(0, word.size()) != word) return false;
    if (text_.size() > word.size() && is_word(text_[word.size()])) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  bool at_end() {
    skip_space();
    return text_.empty();
  }

  void expect_end(const char* where) {
    if (!at_end()) fail("unexpected <" + std::string(text_) + "> in " + where);
  }

  Pipeline pipeline() {
    Pipeline pipeline;
    read_variables(pipeline);
    do {
      pipeline.commands.push_back(command());
    } while (take('|'));
    return pipeline;
  }

 private:
  void skip_space() {
    while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_[0])) != 0) text_.remove_prefix(1);
  }

  std::string word() {
    std::size_t size = 0;
    while (size < text_.size() && is_word(text_[size])) ++size;
    std::string name(text_.substr(0, size));
    text_.remove_prefix(size);
    return name;
  }

  // "$x :=", "$x =" or "$i, $x :="; else the text stays as it is.
  void read_variables(Pipeline& pipeline) {
    const auto start = text_;
    std::vector<std::string> names;
    while (take('$')) {
      names.push_back(word());
      if (take(',')) continue;
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

  Command command() {
    Command command;
    while (auto operand = this->operand()) command.push_back(std::move(*operand));
    if (command.empty()) fail("missing value for command");
    return command;
  }

  std::optional<Operand> operand() {
    skip_space();
    if (text_.empty() || text_[0] == '|' || text_[0] == ')') return std::nullopt;
    Operand operand;
    const char c = text_[0];
    if (c == '.') {
      operand.kind = Operand::Kind::dot;
      if (text_.size() == 1 || !is_word(text_[1])) {
        text_.remove_prefix(1);
        return operand;
      }
    } else if (c == '$') {
      text_.remove_prefix(1);
      operand.kind = Operand::Kind::variable;
      operand.name = word();
    } else if (c == '(') {
      group(operand);
    } else if (c == '"' || c == '`' || c == '\'') {
      operand.literal = quoted();
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '+') {
      operand.literal = number();
    } else if (is_word(c)) {
      name(operand);
    } else {
      fail(std::string("unexpected \"") + c + "\" in operand");
    }
    chain(operand);
    return operand;
  }

  void group(Operand& operand) {
    if (++depth_ > 100) fail("too many parentheses");
    text_.remove_prefix(1);
    operand.kind = Operand::Kind::group;
    operand.pipeline = std::make_unique<Pipeline>(pipeline());
    if (!take(')')) fail("unclosed left paren");
    --depth_;
  }

  void name(Operand& operand) {
    const std::string text = word();
    if (text == "true" || text == "false") {
      operand.literal = text == "true";
    } else if (text != "nil") {
      operand.kind = Operand::Kind::function;
      operand.name = text;
    }
  }

  void chain(Operand& operand) {
    while (text_.size() > 1 && text_[0] == '.' && is_word(text_[1])) {
      text_.remove_prefix(1);
      operand.fields.push_back(word());
    }
  }

  Json quoted() {
    const char quote = text_[0];
    std::string value;
    std::size_t i = 1;
    for (; i < text_.size() && text_[i] != quote; ++i) {
      if (quote != '`' && text_[i] == '\\' && i + 1 < text_.size()) {
        const char next = text_[++i];
        value += next == 'n' ? '\n' : next == 't' ? '\t' : next == 'r' ? '\r' : next;
      } else {
        value += text_[i];
      }
    }
    if (i == text_.size()) fail("unterminated quoted string");
    text_.remove_prefix(i + 1);
    if (quote == '\'') return static_cast<int>(static_cast<unsigned char>(value.empty() ? '\0' : value[0]));
    return value;
  }

  Json number() {
    std::size_t size = 1;
    while (size < text_.size() && (is_word(text_[size]) || text_[size] == '.')) ++size;
    const std::string text(text_.substr(0, size));
    text_.remove_prefix(size);
    char* end = nullptr;
    if (text.find('.') != std::string::npos) {
      const double value = std::strtod(text.c_str(), &end);
      if (*end == '\0') return value;
    } else {
      const long long value = std::strtoll(text.c_str(), &end, 0);
      if (*end == '\0') return value;
    }
    fail("bad number syntax: \"" + text + "\"");
  }

  std::string_view text_;
  int depth_ = 0;
};

/// Cuts a template into texts and actions and nests the actions.
class BlockParser {
 public:
  explicit BlockParser(std::string_view text) : text_(text) {}

  enum class End { input, end, otherwise };

  std::unique_ptr<Block> document() {
    auto block = std::make_unique<Block>();
    if (read(*block) == End::input) return block;
    fail("unexpected {{end}}");
  }

 private:
  End read(Block& block) {
    while (!text_.empty()) {
      const auto open = text_.find("{{");
      push_text(block, text_.substr(0, open));
      if (open == std::string_view::npos) break;
      text_.remove_prefix(open + 2);
      ActionParser action(cut_action());
      if (action.at_end()) continue;
      if (action.take_keyword("end")) return End::end;
      if (action.take_keyword("else")) {
        rest_of_else_ = action;
        return End::otherwise;
      }
      push_action(block, action);
    }
    text_ = {};
    return End::input;
  }

  void push_text(Block& block, std::string_view text) {
    if (trim_next_) {
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
    }
    const auto after = text_.substr(std::min(text_.size(), text_.find("{{")));
    if (after.substr(0, 3) == "{{-" && after.size() > 3 && std::isspace(static_cast<unsigned char>(after[3])) != 0) {
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    }
    if (text.empty()) return;
    Node node;
    node.text = text;
    block.nodes.push_back(std::move(node));
  }

  std::string_view cut_action() {
    std::size_t i = 0;
    char quote = 0;
    for (; i < text_.size(); ++i) {
      if (quote != 0) {
        if (text_[i] == '\\' && quote != '`') {
          ++i;
        } else if (text_[i] == quote) {
          quote = 0;
        }
      } else if (text_[i] == '"' || text_[i] == '`' || text_[i] == '\'') {
        quote = text_[i];
      } else if (text_.substr(i, 2) == "}}") {
        break;
      }
    }
    if (i >= text_.size()) fail("unclosed action");
    auto action = text_.substr(0, i);
    text_.remove_prefix(i + 2);
    if (!action.empty() && action.front() == '-') action.remove_prefix(1);
    trim_next_ = action.size() > 1 && action.back() == '-' &&
                 std::isspace(static_cast<unsigned char>(action[action.size() - 2])) != 0;
    if (trim_next_) action.remove_suffix(1);
    while (!action.empty() && std::isspace(static_cast<unsigned char>(action.front())) != 0) action.remove_prefix(1);
    return action.substr(0, 2) == "/*" ? std::string_view() : action;
  }

  void push_action(Block& block, ActionParser& action) {
    Node node;
    if (action.take_keyword("if")) {
      node.kind = Node::Kind::branch;
    } else if (action.take_keyword("range")) {
      node.kind = Node::Kind::loop;
    } else if (action.take_keyword("with")) {
      node.kind = Node::Kind::scope;
    } else if (action.take_keyword("break")) {
      node.kind = Node::Kind::leave;
    } else if (action.take_keyword("continue")) {
      node.kind = Node::Kind::next;
    } else {
      node.kind = Node::Kind::action;
      node.pipeline = action.pipeline();
      action.expect_end("command");
    }
    const bool nests =
        node.kind == Node::Kind::branch || node.kind == Node::Kind::loop || node.kind == Node::Kind::scope;
    if (nests) read_nested(node, action);
    block.nodes.push_back(std::move(node));
  }

  void read_nested(Node& node, ActionParser& action) {
    if (++depth_ > 200) fail("nested too deeply");
    node.pipeline = action.pipeline();
    action.expect_end("command");
    node.body = std::make_unique<Block>();
    const End end = read(*node.body);
    if (end == End::input) fail("unexpected EOF");
    if (end == End::otherwise) {
      node.otherwise = std::make_unique<Block>();
      ActionParser rest = *rest_of_else_;
      if (!rest.at_end()) {
        push_action(*node.otherwise, rest);  // "else if": it takes the common {{end}}
      } else if (read(*node.otherwise) != End::end) {
        fail("unexpected EOF");
      }
    }
    --depth_;
  }

  std::string_view text_;
  bool trim_next_ = false;
  int depth_ = 0;
  std::optional<ActionParser> rest_of_else_;
};

}  // namespace

std::unique_ptr<Block> parse(std::string_view text) { return BlockParser(text).document(); }

}  // namespace gantry::cli::syntax
