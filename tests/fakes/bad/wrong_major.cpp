#include "descriptor.hpp"

namespace {

consteval gantry::Descriptor changed() {
  gantry::Descriptor descriptor = right_descriptor("wrong-major");
  descriptor.interface_major = 2;
  return descriptor;
}

}  // namespace

EXPORT_DESCRIPTOR(changed())
