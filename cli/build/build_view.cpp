#include "build/build_view.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
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

BuildView::BuildView(const std::string& progress, bool quiet, bool to_stderr)
    : mode_(quiet ? "lines" : mode_of(progress)),
      held_(quiet ? ::memfd_create("build", MFD_CLOEXEC) : -1),
      output_(to_stderr ? STDERR_FILENO : STDOUT_FILENO),
      display_(make_display(mode_)) {}

void BuildView::ask(Query& query) const {
  if (mode_ != "classic") query.add("progress", mode_ == "lines" ? "problems" : "steps");
}

void BuildView::show_warnings(bool explained_too) const {
  std::size_t count = 0;
  std::string lines;
  for (const StepDisplay::Warning& warning : display_.warnings()) {
    if (!explained_too && !warning.explanation.empty()) continue;
    lines += " - " + warning.text + "\n";
    ++count;
  }
  if (count == 0) return;
  const char* what = count == 1 ? " warning" : " warnings";
  write_output(STDERR_FILENO, "\n " + std::to_string(count) + what + " found:\n" + lines);
}

void BuildView::show_held(int fd) const {
  if (!held_ || ::lseek(held_.get(), 0, SEEK_SET) != 0) return;
  std::array<char, 65536> piece{};
  for (ssize_t got = 0; (got = ::read(held_.get(), piece.data(), piece.size())) > 0;) {
    write_output(fd, {piece.data(), static_cast<std::size_t>(got)});
  }
}

std::string BuildView::with_names(std::string text) const {
  const std::size_t at = sent_recipe_.empty() ? std::string::npos : text.find(sent_recipe_);
  if (at != std::string::npos) text.replace(at, sent_recipe_.size(), shown_recipe_);
  return text;
}

std::string BuildView::explanations() const {
  std::string out;
  for (const StepDisplay::Warning& warning : display_.warnings()) {
    if (!warning.explanation.empty()) out += "\n" + with_names(warning.explanation);
  }
  return out;
}

std::string BuildView::show(Exchange& exchange) {
  std::string id;
  try {
    show_progress(exchange, held_ ? held_.get() : output_, false, [&](const Json& aux) {
      if (!aux.is_object()) return;
      id = aux.value("ID", id);
      digest_ = aux.value("Digest", digest_);
      stages_ = aux.value("Stages", stages_);
      if (aux.contains("Kind")) display_.take(aux);
    });
  } catch (const Failure& failure) {
    show_held(STDERR_FILENO);
    display_.finish();
    show_warnings(true);
    write_output(STDERR_FILENO, with_names(display_.source()));
    throw Failure(with_names(failure.what()), failure.code());
  }
  show_held(output_);
  display_.finish();
  show_warnings(false);  // the others are explained
  return id;
}

}  // namespace gantry::cli
