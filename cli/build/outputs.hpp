#pragma once

#include <map>
#include <string>
#include <vector>

#include "build/layer_form.hpp"
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

/// What a build has come to.
struct Built {
  std::string id;
  std::vector<std::string> stages;  ///< Ids of what the other stages came to, if they are to be known.
  bool attested{};                  ///< Something is said about the image.
  LayerForm form;
};

/// Carries an output out.
void carry_out(Context& context, const Output& output, const Built& built);

/// A push.
struct Target {
  std::string name;
  bool plain{};                       ///< Layers that are not compressed stay so.
  std::vector<std::string> beside{};  ///< Ids of images that go along: the name becomes one of an index of all.
};
void push_as(Context& context, const std::string& id, const Target& target, int progress_fd);

/// Leaves images in a directory as an OCI layout.
void save_layout(Context& context, const std::vector<std::string>& ids, const std::string& directory);

}  // namespace gantry::cli
