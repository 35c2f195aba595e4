#include "isolated/kinds.hpp"

#include <array>

namespace gantry::isolated {
namespace {

const auto& all_kinds() {
  static const std::array kinds{&kVolumeKind,   &kNetworkKind, &kIpamKind,    &kStorageKind,
                                &kRegistryKind, &kLogKind,     &kRuntimeKind, &kBuilderKind};
  return kinds;
}

}  // namespace

const Kind* find_kind(std::string_view name) {
  for (const Kind* kind : all_kinds()) {
    if (name == kind->name) return kind;
  }
  return nullptr;
}

}  // namespace gantry::isolated
