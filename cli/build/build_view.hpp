#pragma once

#include <string>

#include "build/step_display.hpp"
#include "client/client.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// What a user sees of a build: lines as Docker's classic builder writes them, or steps as BuildKit's clients show
/// them.
class BuildView {
 public:
  /// `progress`: "auto" (steps on a terminal, else lines), "plain", "tty" or "classic" (Docker's lines and nothing
  /// else). `quiet`: lines, which are shown at the end, on standard error if the build failed. `to_stderr`: standard
  /// output is taken. Throws Failure.
  BuildView(const std::string& progress, bool quiet, bool to_stderr);

  /// A Dockerfile that was sent as `sent` is called `shown`.
  void call_recipe(const std::string& sent, const std::string& shown) {
    sent_recipe_ = sent;
    shown_recipe_ = shown;
  }

  /// A message of the daemon's, with that name.
  [[nodiscard]] std::string with_names(std::string text) const;

  /// What the daemon is to send.
  void ask(Query& query) const;

  /// Shows the answer to its end. Answers the image's id. Throws Failure if the build failed.
  std::string show(Exchange& exchange);

  /// Of what is said about the image; empty: nothing is.
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
  /// The ids of what the other stages came to.
  [[nodiscard]] const std::vector<std::string>& stages() const noexcept { return stages_; }
  [[nodiscard]] std::size_t warnings() const noexcept { return display_.warnings().size(); }
  /// What warnings mean, of those that came with more than a line.
  [[nodiscard]] std::string explanations() const;

 private:
  void show_warnings(bool explained_too) const;
  void show_held(int fd) const;

  std::string mode_;  ///< "tty", "plain", "lines" or "classic".
  UniqueFd held_;     ///< What a quiet build shows at its end.
  int output_;
  std::string digest_;
  std::vector<std::string> stages_;
  std::string sent_recipe_;
  std::string shown_recipe_;
  StepDisplay display_;
};

}  // namespace gantry::cli
