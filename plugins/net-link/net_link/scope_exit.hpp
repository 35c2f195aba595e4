#pragma once

#include <utility>

namespace gantry::net_link {

/// Undoes what is half-done unless it is released.
template <class Undo>
class ScopeExit {
 public:
  explicit ScopeExit(Undo undo) : undo_(std::move(undo)) {}
  ~ScopeExit() {
    if (!armed_) return;
    try {
      undo_();
    } catch (...) {
      // Why it is needed is on its way to the user: what cannot be undone is not what went wrong.
    }
  }
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;
  void release() { armed_ = false; }

 private:
  Undo undo_;
  bool armed_ = true;
};

}  // namespace gantry::net_link
