#pragma once

#include <array>
#include <string>
#include <string_view>

#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// A tar archive that is made piece by piece; what derives from it says which entries come.
class TarStream {
 public:
  virtual ~TarStream() = default;

  /// Empty at the end. Throws Failure.
  std::string_view next();

 protected:
  /// Puts the next entry's header into `piece_` and, if it has content, calls `send`. False: there is none.
  virtual bool start_entry() = 0;
  void send(UniqueFd file, std::size_t size);

  std::string piece_;

 private:
  std::string_view content();

  UniqueFd file_;
  std::size_t left_ = 0;
  std::size_t size_ = 0;
  bool ended_ = false;
  std::array<char, 65536> buffer_{};
};

}  // namespace gantry::cli
