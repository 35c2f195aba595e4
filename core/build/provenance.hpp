#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"
#include "build/service.hpp"
#include "build/step_trace.hpp"

namespace gantry::build {

/// What a build has taken in.
struct Sources {
  std::vector<builder::v1::Material> materials;
  std::string recipe_name;
  std::string recipe;
  StepTrace trace;

  static constexpr std::size_t kMostMaterials = 10'000;
  /// Once is enough. Errors: exhausted.
  void add(const builder::v1::Material& material);
};

/// An image as a material: by the digest that it has in its registry, else by its id.
builder::v1::Material image_material(const std::string& reference, const images::Image& image);

/// The same as BuildKit's sources are called: "docker-image://docker.io/library/busybox:latest@sha256:<hex>".
std::string image_identifier(const std::string& reference, const images::Image& image);

/// When, and for what.
struct Invocation {
  std::string id;
  Nanoseconds started{};
  Nanoseconds finished{};
  std::string platform;
  Made made{};
};

inline constexpr const char* kProvenanceType = "https://slsa.dev/provenance/v0.2";

/// The predicate of SLSA's provenance v0.2, laid out as BuildKit does: with `Provenance::min` it tells neither the
/// values of arguments and labels nor the recipe nor the steps.
std::string provenance_predicate(const BuildRequest& request, const Sources& sources, const Invocation& invocation);

}  // namespace gantry::build
