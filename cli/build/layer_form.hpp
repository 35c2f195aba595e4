#pragma once

#include <map>
#include <string>

#include "client/client.hpp"

namespace gantry::cli {

/// How the layers of a built image are to be compressed: what outputs and caches say of it. They are the image's, so
/// there is one answer for all.
class LayerForm {
 public:
  static bool is_attribute(const std::string& name);

  /// Takes "compression", "compression-level" and "force-compression" from the attributes of `flag`. Throws Failure for
  /// a value that is none, and for another than was said before.
  void take(const std::string& flag, const std::map<std::string, std::string>& attributes);

  [[nodiscard]] bool is_plain() const noexcept { return compression_ == "uncompressed"; }
  void add_to(Query& query) const;

 private:
  std::string compression_;  ///< Empty: nothing is said.
  std::string level_;
  bool every_{};
  std::string said_by_;
};

}  // namespace gantry::cli
