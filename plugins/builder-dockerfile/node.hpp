#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/error.hpp"

namespace gantry::dockerfile {

/// A file written into the recipe itself: RUN <<EOF, COPY <<EOF /x.
struct Heredoc {
  std::string name;
  std::string content;
  bool expand{true};  ///< Variables in it: unless the name was quoted.
  bool strip_tabs{};  ///< <<-
};

/// One instruction, as it is written.
struct Node {
  std::string name;      ///< As the user wrote it: "From".
  std::string original;  ///< The whole text, its lines joined.
  std::vector<std::string> flags;
  std::string rest;  ///< What follows the name and the flags.
  std::vector<Heredoc> heredocs;
  std::size_t line{};                   ///< Of its start, from 1.
  std::size_t last_line{};              ///< With its here-documents.
  std::vector<std::string> comments{};  ///< Those right before it, without their "#".
};

/// The recipe as text.
struct Document {
  char escape{'\\'};
  std::string check;  ///< The value of the directive "check".
  std::vector<std::string> warnings;
  std::vector<std::size_t> gaps;  ///< Lines at which instructions end that have an empty line in them.
  std::vector<Node> nodes;
};

/// Reads lines, directives, comments, continuations and heredocs. `file` is for the message about an empty one.
/// Errors: invalid, as dockerd words them.
Document parse_document(std::string_view text, const std::string& file);

/// The parts of one instruction. Errors: invalid.
Node parse_node(std::string_view line, char escape);

/// The here-documents that a line announces, still empty. Errors: invalid.
std::vector<Heredoc> announced_heredocs(std::string_view line);

/// What dockerd finds while it reads the file, before it knows which instruction is on which line.
class SyntaxError : public Error {
 public:
  explicit SyntaxError(const std::string& message) : Error(Errc::invalid, message) {}
};

/// "dockerfile parse error on line 3: ..."
[[noreturn]] void throw_at(std::size_t line, const std::string& message);

}  // namespace gantry::dockerfile
