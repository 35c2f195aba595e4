#include "transcript.hpp"

namespace gantry::dockerfile {

Transcript::Transcript(builder::v1::Session& session, std::vector<std::size_t> stages)
    : session_(session),
      steps_(static_cast<builder::v1::Steps*>(session.query(builder::v1::Steps::kService))),
      stages_(std::move(stages)) {}

void Transcript::tell(std::string_view text, bool is_error) {
  if (steps_ != nullptr) {
    steps_->output(text, is_error);
  } else {
    session_.output(text);
  }
}

void Transcript::tell_kept(std::size_t stage) {
  const auto found = kept_.find(stage);
  if (found == kept_.end()) return;
  for (const auto& [text, is_error] : found->second.texts) tell(text, is_error);
  kept_size_ -= found->second.size;
  kept_.erase(found);
}

void Transcript::keep(std::size_t stage, std::string_view text, bool is_error) {
  constexpr std::size_t kOverhead = sizeof(std::pair<std::string, bool>);
  Kept& kept = kept_[stage];
  if (kept_size_ + kOverhead + text.size() <= kMostKept) {
    kept.texts.emplace_back(text, is_error);
    kept.size += kOverhead + text.size();
    kept_size_ += kOverhead + text.size();
  } else if (!std::exchange(kept.clipped, true)) {
    kept.texts.emplace_back("[what this stage said while others had their turn is too much: some of it is left out]\n",
                            true);
  }
}

void Transcript::say(std::size_t stage, std::string_view text, bool is_error) {
  const std::lock_guard lock{mutex_};
  if (!stages_.empty() && stages_.front() == stage) {
    tell(text, is_error);
  } else {
    keep(stage, text, is_error);
  }
}

void Transcript::finish(std::size_t stage) {
  const std::lock_guard lock{mutex_};
  finished_[stage] = true;
  while (!stages_.empty() && finished_[stages_.front()]) {
    stages_.erase(stages_.begin());
    if (!stages_.empty()) tell_kept(stages_.front());
  }
}

void Transcript::flush() {
  const std::lock_guard lock{mutex_};
  for (const std::size_t stage : stages_) tell_kept(stage);
  stages_.clear();
}

}  // namespace gantry::dockerfile
