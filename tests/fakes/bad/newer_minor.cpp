#include "descriptor.hpp"

namespace {

consteval gantry::Descriptor changed() {
  gantry::Descriptor descriptor = right_descriptor("newer-minor");
  descriptor.api_minor = GANTRY_API_MINOR + 1;
  return descriptor;
}

}  // namespace

EXPORT_DESCRIPTOR(changed())
