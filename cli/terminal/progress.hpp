#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "json.hpp"

namespace gantry::cli {

/// Draws Docker's stream of JSON messages: what one ID does stays on one line of a terminal; elsewhere only what is new
/// is printed, line by line.
class ProgressPrinter {
 public:
  using Write = std::function<void(std::string_view)>;
  /// `columns`: the terminal's width, 0 if it is none.
  ProgressPrinter(Write write, unsigned columns);

  /// Takes the stream in pieces as they come. Throws Failure with an error that the daemon reports in it.
  void feed(std::string_view bytes);

  /// Gets messages that have "aux" instead of text.
  std::function<void(const Json&)> on_aux;

 private:
  void message(std::string_view line);
  void show(const Json& message);

  Write write_;
  unsigned columns_;
  std::string pending_;
  std::map<std::string, std::size_t> lines_;
};

/// Docker's bar for so many bytes of so many: "[===>   ]  1.2MB/3MB".
std::string progress_bar(const Json& detail, unsigned columns);

}  // namespace gantry::cli
