#pragma once

#include <map>
#include <string>
#include <vector>

#include "build/outputs.hpp"
#include "command/context.hpp"

namespace gantry::cli {

/// One --cache-from or --cache-to.
struct CacheFlag {
  std::string type;        ///< "registry", "local" or "inline".
  std::string place;       ///< An image's name, a directory; empty with "inline".
  bool is_bare{};          ///< A name alone: of an image that the daemon has.
  bool every_stage{};      ///< mode=max: not only what led to the image.
  bool ignores_failure{};  ///< A cache that cannot be sent fails no build.
  std::map<std::string, std::string> attributes{};
};

/// What to build from. Throws Failure, which names what is unknown or missing.
CacheFlag parse_cache_source(const std::string& text);
/// Where to leave what was built.
CacheFlag parse_cache_target(const std::string& text);

/// --cache-from: what the daemon is told to take steps from. What is elsewhere is brought to it first; what cannot be
/// had is left out, as nothing is lost but time. Throws Failure for what is malformed.
std::vector<std::string> bring_caches(Context& context, const std::vector<std::string>& flags,
                                      const std::string& platform);

/// --cache-to. The history of the image is the cache; with mode=max so is that of what the other stages came to.
class CacheTargets {
 public:
  CacheTargets() = default;
  explicit CacheTargets(const std::vector<std::string>& flags);

  [[nodiscard]] bool wants_every_stage() const;
  void add_to(LayerForm& form) const;
  void send(Context& context, const Built& built) const;

 private:
  std::vector<CacheFlag> targets_;
};

}  // namespace gantry::cli
