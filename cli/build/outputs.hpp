#pragma once

#include <map>
#include <string>
#include <vector>

#include "command/context.hpp"

namespace gantry::cli {

/// One --output: what becomes of the image besides that the daemon has it.
struct Output {
  std::string type;  ///< "local", "tar", "oci", "docker", "image" or "cacheonly".
  std::map<std::string, std::string> attributes;

  [[nodiscard]] std::string attribute(const std::string& name) const;
  [[nodiscard]] bool pushes() const;
  /// A directory with an OCI layout, in the place of an archive.
  [[nodiscard]] bool is_layout() const;
  /// Whether standard output takes it: then nothing else goes there.
  [[nodiscard]] bool takes_stdout() const;
};

/// "type=tar,dest=x.tar", "directory", "-". Throws Failure in buildx's words.
Output parse_output(const std::string& text);

/// Carries an output out for the image `id`. `attested`: something is said about it.
void carry_out(Context& context, const Output& output, const std::string& id, bool attested);

/// Pushes `id` under a name.
void push_as(Context& context, const std::string& id, const std::string& name, int progress_fd);

/// --cache-from: what the daemon is told to take steps from. What is elsewhere is brought to it first; what cannot be
/// had is left out, as nothing is lost but time. Throws Failure for what is malformed.
std::vector<std::string> bring_caches(Context& context, const std::vector<std::string>& flags);

/// --cache-to, for the image that was built: its history is the cache.
void send_caches(Context& context, const std::vector<std::string>& flags, const std::string& id);
void check_caches(const std::vector<std::string>& flags);

}  // namespace gantry::cli
