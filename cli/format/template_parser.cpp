#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "format/template.hpp"
#include "format/template_syntax.hpp"

namespace gantry::cli::syntax {

namespace {

constexpr int kDeepestNesting = 200;

/// Cuts a template into texts and actions and nests the actions.
class BlockParser {
 public:
  BlockParser(std::string_view name, std::string_view text, const std::function<bool(std::string_view)>& is_function)
      : name_(name), whole_(text), text_(text), scope_{text, is_function, {""}} {}

  void read_document(Document& document) {
    document_ = &document;
    try {
      auto block = std::make_unique<Block>();
      const End end = read(*block);
      if (end == End::end) throw ParseError("unexpected {{end}}");
      if (end == End::otherwise) throw ParseError("unexpected {{else}}");
      document.blocks[std::string(name_)] = std::move(block);
    } catch (const ParseError& error) {
      throw TemplateError("template: " + std::string(name_) + ":" + std::to_string(line()) + ": " + error.what());
    }
  }

 private:
  enum class End { input, end, otherwise };

  [[nodiscard]] std::ptrdiff_t line() const {
    const auto read_so_far = whole_.substr(0, action_begin_);
    return 1 + std::count(read_so_far.begin(), read_so_far.end(), '\n');
  }

  End read(Block& block) {
    while (!text_.empty()) {
      const auto open = text_.find("{{");
      push_text(block, text_.substr(0, open));
      if (open == std::string_view::npos) break;
      text_.remove_prefix(open + 2);
      action_begin_ = whole_.size() - text_.size();
      const auto inner = cut_action();
      if (!inner) continue;
      ActionParser action(*inner, scope_);
      if (action.take_keyword("end")) {
        action.expect_end("end");
        return End::end;
      }
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
    trim_next_ = false;
    const auto after = text_.substr(std::min(text_.size(), text_.find("{{")));
    if (after.substr(0, 3) == "{{-" && after.size() > 3 && std::isspace(static_cast<unsigned char>(after[3])) != 0) {
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    }
    if (text.empty()) return;
    Node node;
    node.text = text;
    block.nodes.push_back(std::move(node));
  }

  // What is between the braces; nothing if it is a comment.
  std::optional<std::string_view> cut_action() {
    const bool trims = text_.size() > 1 && text_[0] == '-' && std::isspace(static_cast<unsigned char>(text_[1])) != 0;
    if (trims) text_.remove_prefix(2);
    if (text_.substr(0, 2) == "/*") {
      cut_comment();
      return std::nullopt;
    }
    const std::size_t end = action_end();
    auto action = text_.substr(0, end);
    text_.remove_prefix(end + 2);
    trim_next_ = action.size() > 1 && action.back() == '-' &&
                 std::isspace(static_cast<unsigned char>(action[action.size() - 2])) != 0;
    if (trim_next_) action.remove_suffix(1);
    return action;
  }

  [[nodiscard]] std::size_t action_end() const {
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
        return i;
      }
    }
    if (quote == '"') throw ParseError("unterminated quoted string");
    if (quote == '`') throw ParseError("unterminated raw quoted string");
    if (quote != 0) throw ParseError("unterminated character constant");
    const auto brace = text_.find('}');
    if (brace != std::string_view::npos && brace > 0 &&
        std::isalnum(static_cast<unsigned char>(text_[brace - 1])) != 0) {
      bad_character('}');
    }
    throw ParseError("unclosed action");
  }

  void cut_comment() {
    const auto end = text_.find("*/");
    if (end == std::string_view::npos) throw ParseError("unclosed comment");
    text_.remove_prefix(end + 2);
    trim_next_ = text_.size() > 3 && std::isspace(static_cast<unsigned char>(text_[0])) != 0 && text_[1] == '-';
    if (trim_next_) text_.remove_prefix(2);
    if (text_.substr(0, 2) != "}}") throw ParseError("comment ends before closing delimiter");
    text_.remove_prefix(2);
  }

  void push_action(Block& block, ActionParser& action) {
    Node node;
    node.position = action_begin_;
    if (action.take_keyword("if")) {
      node.kind = Node::Kind::branch;
      read_nested(node, action, "if");
    } else if (action.take_keyword("range")) {
      node.kind = Node::Kind::loop;
      read_nested(node, action, "range");
    } else if (action.take_keyword("with")) {
      node.kind = Node::Kind::scope;
      read_nested(node, action, "with");
    } else if (action.take_keyword("break")) {
      read_jump(node, action, Node::Kind::leave, "break");
    } else if (action.take_keyword("continue")) {
      read_jump(node, action, Node::Kind::next, "continue");
    } else if (action.take_keyword("template")) {
      read_call(node, action);
    } else if (action.take_keyword("block")) {
      read_block(node, action);
    } else if (depth_ == 0 && action.take_keyword("define")) {
      read_definition(action);
      return;
    } else {
      node.kind = Node::Kind::action;
      node.pipeline = action.pipeline("command");
      action.expect_end("command");
    }
    block.nodes.push_back(std::move(node));
  }

  void read_jump(Node& node, ActionParser& action, Node::Kind kind, const char* name) {
    action.expect_end(name);
    if (loops_ == 0) throw ParseError(std::string("{{") + name + "}} outside {{range}}");
    node.kind = kind;
  }

  void read_call(Node& node, ActionParser& action) {
    node.kind = Node::Kind::call;
    action.at_end();
    node.position = action.position();
    node.text = action.quoted_text("template clause");
    if (!action.at_end()) node.pipeline = action.pipeline("template clause");
    action.expect_end("template clause");
  }

  // A definition and a call of it.
  void read_block(Node& node, ActionParser& action) {
    node.kind = Node::Kind::call;
    node.text = action.quoted_text("block clause");
    node.pipeline = action.pipeline("block clause");
    action.expect_end("block clause");
    define(node.text);
  }

  void read_definition(ActionParser& action) {
    const std::string name = action.quoted_text("define clause");
    action.expect_end("define clause");
    define(name);
  }

  // What is defined knows no variable and no loop of where that is done.
  void define(const std::string& name) {
    deepen();
    auto body = std::make_unique<Block>();
    std::vector<std::string> outer{""};
    std::swap(outer, scope_.variables);
    const int loops = std::exchange(loops_, 0);
    if (read(*body) != End::end) throw ParseError("unexpected EOF");
    loops_ = loops;
    std::swap(outer, scope_.variables);
    document_->blocks[name] = std::move(body);
    --depth_;
  }

  void read_nested(Node& node, ActionParser& action, const char* name) {
    deepen();
    const std::size_t variables = scope_.variables.size();
    node.pipeline = action.pipeline(name);
    action.expect_end(name);
    node.body = std::make_unique<Block>();
    if (node.kind == Node::Kind::loop) ++loops_;
    const End end = read(*node.body);
    if (node.kind == Node::Kind::loop) --loops_;
    if (end == End::input) throw ParseError("unexpected EOF");
    if (end == End::otherwise) read_otherwise(node);
    scope_.variables.resize(variables);
    --depth_;
  }

  void read_otherwise(Node& node) {
    node.otherwise = std::make_unique<Block>();
    ActionParser rest = *rest_of_else_;
    if (!rest.at_end()) {
      push_action(*node.otherwise, rest);  // "else if": it takes the common {{end}}
      return;
    }
    const End end = read(*node.otherwise);
    if (end == End::otherwise) throw ParseError("expected end; found {{else}}");
    if (end != End::end) throw ParseError("unexpected EOF");
  }

  void deepen() {
    if (++depth_ > kDeepestNesting) throw ParseError("nested too deeply");
  }

  std::string_view name_;
  std::string_view whole_;
  std::string_view text_;
  ActionParser::Scope scope_;
  Document* document_ = nullptr;
  std::size_t action_begin_ = 0;
  bool trim_next_ = false;
  int depth_ = 0;
  int loops_ = 0;
  std::optional<ActionParser> rest_of_else_;
};

}  // namespace

Document parse(std::string_view name, std::string_view text, const std::function<bool(std::string_view)>& is_function) {
  Document document;
  document.name = name;
  document.text = text;
  BlockParser(name, document.text, is_function).read_document(document);
  return document;
}

}  // namespace gantry::cli::syntax
