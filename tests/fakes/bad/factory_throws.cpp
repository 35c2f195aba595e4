#include <stdexcept>

#include "descriptor.hpp"

namespace {

consteval gantry::Descriptor changed() {
  gantry::Descriptor descriptor = right_descriptor("factory-throws");
  descriptor.make = []() -> void* { throw std::runtime_error{"no license"}; };
  return descriptor;
}

}  // namespace

EXPORT_DESCRIPTOR(changed())
