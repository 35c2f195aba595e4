#pragma once

#include <locale.h>

namespace gantry::containers {

/// libarchive takes names for text in the thread's locale: under this one a tar's UTF-8 passes through unchanged.
class ArchiveLocale {
 public:
  ArchiveLocale() : mine_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (mine_ != nullptr) before_ = ::uselocale(mine_);
  }
  ~ArchiveLocale() {
    if (mine_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(mine_);
  }
  ArchiveLocale(const ArchiveLocale&) = delete;
  ArchiveLocale& operator=(const ArchiveLocale&) = delete;

 private:
  locale_t mine_;
  locale_t before_{};
};

}  // namespace gantry::containers
