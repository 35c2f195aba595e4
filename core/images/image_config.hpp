#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "images/image.hpp"

namespace gantry::images {

inline constexpr std::size_t kMaxConfig = std::size_t{8} << 20;

/// One step of an image's history (OCI image spec, config.md "history").
struct HistoryEntry {
  Nanoseconds created{};
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer{};
};

/// Fills in all of `out` that the config says: everything but size, names and digests. The id is the digest of `json`.
/// Errors: invalid: too large, not JSON, no layers' diff IDs, members of the wrong type or out of bounds.
void parse_image_config(std::string_view json, Image& out);

/// Only the "config" object, as `docker commit` and `import` change it. Errors: invalid.
void parse_config_object(std::string_view json, ImageConfig& out);

/// The "config" object, as dockerd writes it.
std::string config_object(const ImageConfig& config);

std::vector<HistoryEntry> parse_history(std::string_view json);

/// Base first: the first is the diff ID itself, each other the digest of "<parent> <diff ID>" (config.md "Layer
/// ChainID").
std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids);

}  // namespace gantry::images
