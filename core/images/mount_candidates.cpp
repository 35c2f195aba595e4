#include "images/mount_candidates.hpp"

#include <algorithm>

namespace gantry::images {
namespace {

/// Each costs a question, and with some registries a token's scope.
constexpr std::size_t kMost = 4;

/// How many of the first components of two paths are the same.
std::ptrdiff_t in_common(const std::string& one, const std::string& other) {
  const auto end = std::mismatch(one.begin(), one.end(), other.begin(), other.end()).first;
  return std::count(one.begin(), end, '/');
}

}  // namespace

std::vector<std::string> mount_candidates(const Catalog& catalog, const Reference& target, const std::string& digest) {
  std::vector<std::string> paths;
  for (const Record& record : catalog.visible()) {
    const bool has = std::any_of(record->layers.begin(), record->layers.end(),
                                 [&](const LayerRecord& layer) { return layer.blob.digest == digest; });
    if (!has) continue;
    for (const std::string& known : record->image.digests) {
      const Reference reference = parse_reference(known);
      const bool new_one = std::find(paths.begin(), paths.end(), reference.path) == paths.end();
      if (reference.host == target.host && reference.path != target.path && new_one) paths.push_back(reference.path);
    }
  }
  std::stable_sort(paths.begin(), paths.end(), [&](const std::string& one, const std::string& other) {
    return in_common(one, target.path) > in_common(other, target.path);
  });
  if (paths.size() > kMost) paths.resize(kMost);
  return paths;
}

}  // namespace gantry::images
