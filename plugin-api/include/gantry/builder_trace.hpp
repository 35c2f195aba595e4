#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gantry::builder::v1 {

/// How one image of a build came from another. May grow at its end.
struct TracedStep {
  std::string image;   ///< Its id.
  std::string parent;  ///< The id of the image that it stands on; empty: none.
  /// What was done, as JSON: a member "exec" or "file" as BuildKit's LLB has it (solver/pb/ops.proto), without secrets.
  /// Its input 0 is the parent, those from 1 on are `inputs`. Empty: only the config has changed; without a parent: the
  /// image is one that the session has given.
  std::string operation;
  /// Where files have come from: ids of images, addresses without passwords, "local://" and a context's name.
  std::vector<std::string> inputs;
  std::size_t first_line{};  ///< In the recipe, from 1; 0: it is not in it.
  std::size_t last_line{};
};

/// Of a session whose user wants to know how the image was made, step by step (`Session::query(Trace::kService)`). Any
/// thread.
class Trace {
 public:
  static constexpr const char* kService = "trace";
  virtual ~Trace() = default;

  /// Steps may be told in any order, also those that the image is not made of.
  virtual void step(const TracedStep& step) = 0;
};

}  // namespace gantry::builder::v1
