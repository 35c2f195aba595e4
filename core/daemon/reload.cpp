#include "daemon/reload.hpp"

namespace gantry::daemon {

Reloaded take_over(const Config& old, const Config& fresh) {
  Reloaded out{old, {}, {}};
  for (const Setting& setting : settings()) {
    std::visit(
        [&](const auto member) {
          if (old.*member == fresh.*member) return;
          if (!setting.reloads) {
            out.later.emplace_back(setting.key);
            return;
          }
          out.config.*member = fresh.*member;
          out.changes.push_back(std::string{setting.key} + ": " + show(old, setting) + " -> " + show(fresh, setting));
        },
        setting.member);
  }
  return out;
}

}  // namespace gantry::daemon
