#include "build/build_view.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "commands/stream_output.hpp"
#include "terminal/session.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {
namespace {

std::string mode_of(std::string progress) {
  const char* usual = std::getenv("BUILDKIT_PROGRESS");
  if (progress == "auto" && usual != nullptr && *usual != '\0') progress = usual;
  if (progress == "auto") return is_terminal(STDERR_FILENO) && is_terminal(STDOUT_FILENO) ? "tty" : "lines";
  if (progress == "tty" || progress == "plain" || progress == "classic") return progress;
  throw Failure("invalid progress mode: " + progress);
}

StepDisplay make_display(const std::string& mode) {
  const TerminalSize size = terminal_size(STDERR_FILENO);
  const bool draws = mode == "tty";
  return {[](std::string_view text) { write_output(STDERR_FILENO, text); }, draws ? size.columns : 0,
          draws ? size.rows : 0};
}

}  // namespace

BuildView::BuildView(std::string progress, bool to_stderr)
    : mode_(mode_of(std::move(progress))), to_stderr_(to_stderr), display_(make_display(mode_)) {}

void BuildView::ask(Query& query) const {
  if (mode_ != "classic") query.add("progress", mode_ == "lines" ? "problems" : "steps");
}

void BuildView::show_warnings() const {
  const auto& warnings = display_.warnings();
  if (warnings.empty()) return;
  std::string text =
      "\n " + std::to_string(warnings.size()) + (warnings.size() == 1 ? " warning" : " warnings") + " found:\n";
  for (const std::string& warning : warnings) text += " - " + warning + "\n";
  write_output(STDERR_FILENO, text);
}

std::string BuildView::show(Exchange& exchange) {
  std::string id;
  try {
    show_progress(exchange, to_stderr_ ? STDERR_FILENO : STDOUT_FILENO, false, [&](const Json& aux) {
      if (!aux.is_object()) return;
      id = aux.value("ID", id);
      if (aux.contains("Kind")) display_.take(aux);
    });
  } catch (const Failure&) {
    display_.finish();
    show_warnings();
    write_output(STDERR_FILENO, display_.source());
    throw;
  }
  display_.finish();
  show_warnings();
  return id;
}

}  // namespace gantry::cli
