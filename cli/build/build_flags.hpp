#pragma once

#include <string>
#include <vector>

#include "build/layer_form.hpp"
#include "client/client.hpp"
#include "command/flags.hpp"

namespace gantry::cli {

/// What `gantry build` is asked for.
struct BuildFlags {
  std::vector<std::string> tags, arguments, labels, hosts, security;
  std::vector<std::string> ulimits;  ///< As the API has them.
  std::vector<std::string> secrets, agents, entitlements, no_cache_stages, contexts;
  std::vector<std::string> cache_from, cache_to, outputs;
  std::vector<std::string> annotations;
  std::vector<std::string> output_notes;       ///< The same of outputs, as the API has them.
  std::vector<std::string> attests, subjects;  ///< What to say about the image; what it is called there beside `tags`.
  std::string provenance, sbom;
  std::string file, target, platform, network, id_file, cgroup_parent, cpus, mems;
  std::string metadata_file, progress = "auto", call, builder, isolation;
  std::int64_t memory = 0, swap = 0, shm = 0, cpu_shares = 0, cpu_period = 0, cpu_quota = 0;
  bool no_cache = false, pull = false, quiet = false, remove = true, force_remove = false;
  bool tell_stages = false;  ///< What all stages came to is to be known.
  LayerForm form;
  bool check = false, push = false, load = false, squash = false;
  bool compress = false, no_trust = true;  ///< Taken as Docker takes them; here they change nothing.

  void declare(Flags& flags);
  /// What stands for other flags, once all are given. Throws Failure.
  void take_shorthands();
  /// Whether some of --build-context's are directories here.
  [[nodiscard]] bool has_local_contexts() const;

  /// The parameters of the request; `recipe` is the Dockerfile's name in the context.
  [[nodiscard]] Query query(const std::string& recipe, const std::string& remote) const;
};

}  // namespace gantry::cli
