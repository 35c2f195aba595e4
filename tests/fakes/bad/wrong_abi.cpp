#include "descriptor.hpp"

namespace {

consteval gantry::Descriptor changed() {
  gantry::Descriptor descriptor = right_descriptor("wrong-abi");
  descriptor.abi_tag = "libc++-api1";
  return descriptor;
}

}  // namespace

EXPORT_DESCRIPTOR(changed())
