#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "gantry/builder_trace.hpp"
#include "gantry/registry.hpp"
#include "images/platform.hpp"

namespace gantry::build {

/// How the images of a build came from each other, as its driver has told.
class StepTrace {
 public:
  static constexpr std::size_t kMostSteps = 4'000;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;

  /// Once is enough. Errors: exhausted (more than so much).
  void add(const builder::v1::TracedStep& step);
  /// An image that was there before: "docker-image://docker.io/library/busybox:latest@sha256:<hex>".
  void add_source(const std::string& image, const std::string& identifier) { sources_.emplace(image, identifier); }

  /// Of an image: null if it was not told.
  [[nodiscard]] const builder::v1::TracedStep* step(const std::string& image) const;
  [[nodiscard]] std::string source(const std::string& image) const;
  [[nodiscard]] bool empty() const noexcept { return steps_.empty(); }
  /// The image, what it stands on, and so on down.
  [[nodiscard]] std::vector<std::string> ancestry(std::string image) const;

 private:
  std::map<std::string, builder::v1::TracedStep> steps_;  ///< By what came out.
  std::size_t bytes_ = 0;                                 ///< Of the steps.
  std::map<std::string, std::string> sources_;            ///< Identifiers by image.
};

/// What an image is made of, for who asks for all of it.
struct Made {
  std::string image;
  std::vector<registry::v1::Descriptor> layers;  ///< As others get them.
  std::map<std::string, std::size_t> depths;     ///< How many of them an image has on which it stands, by its id.
};

/// BuildKit's description of a build (its provenance in "mode=max"): a list of steps, each with what goes into it.
/// A digest is of what is said of a step and of the steps that go into it: not BuildKit's, which is of its own
/// encoding.
class StepDefinition {
 public:
  StepDefinition(const StepTrace& trace, const std::string& image, const images::Platform& platform);
  ~StepDefinition();
  StepDefinition(const StepDefinition&) = delete;
  StepDefinition& operator=(const StepDefinition&) = delete;

  /// {"llbDefinition": [{"id": "step0", "op": {...}, "inputs": ["step1:0"]}...], "digestMapping": {"sha256:...":
  /// "step0"}}.
  [[nodiscard]] nlohmann::ordered_json steps() const;
  /// {"step0": {"locations": [{"ranges": [{"start": {"line": 1}, "end": {"line": 2}}]}]}}.
  [[nodiscard]] nlohmann::ordered_json locations() const;
  /// {"step0:0": [[<descriptor>...]]}: of the steps that the image stands on.
  [[nodiscard]] nlohmann::ordered_json layers(const Made& made) const;

 private:
  struct Node;
  const std::string& files_of(const std::string& image);
  std::optional<std::size_t> node_of(const std::string& image);
  std::size_t add_source(const std::string& identifier);
  std::optional<std::size_t> add_images(const std::string& image);
  std::size_t add_image(const std::string& files);
  std::size_t add_step(const builder::v1::TracedStep& step, const std::string& image);
  std::size_t put(Node node);

  const StepTrace& trace_;
  const images::Platform platform_;
  std::vector<Node> nodes_;
  std::map<std::string, std::size_t> sources_;
  std::map<std::string, std::size_t> images_;
  std::map<std::string, std::string> files_;  ///< The image whose files an image has, as far as it was looked for.
};

}  // namespace gantry::build
