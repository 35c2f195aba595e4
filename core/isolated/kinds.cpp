#include "isolated/kinds.hpp"

#include <array>

namespace gantry::isolated {
namespace {

const auto& all_kinds() {
  static const std::array kinds{&kVolumeKind,   &kNetworkKind, &kIpamKind,   &kStorageKind,
                                &kRegistryKind, &kLogKind,     &kRuntimeKind};
  return kinds;
}

}  // namespace

const Kind* find_kind(std::string_view name) {
  for (const Kind* kind : all_kinds()) {
    if (name == kind->name) return kind;
  }
  return nullptr;
}

std::string why_not_isolated(std::string_view kind) {
  if (find_kind(kind) != nullptr) return {};
  if (kind == "builder") {
    return "a builder asks the daemon for images, trees and containers during its call, which a driver's process "
           "cannot";
  }
  return "drivers of this kind are not known";
}

std::string kind_names() {
  std::string names;
  for (const Kind* kind : all_kinds()) names += (names.empty() ? "" : ", ") + std::string{kind->name};
  return names;
}

}  // namespace gantry::isolated
