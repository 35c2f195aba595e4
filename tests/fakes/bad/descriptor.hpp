#pragma once

#include "gantry/abi.hpp"
#include "volume_directory.hpp"

/// A descriptor of a volume driver that is right but for what its file changes.
consteval gantry::Descriptor right_descriptor(const char* name) {
  return {{'G', 'A', 'N', 'T', 'R', 'Y', '\0', '\1'},
          sizeof(gantry::Descriptor),
          GANTRY_API_MAJOR,
          GANTRY_API_MINOR,
          GANTRY_ABI_TAG,
          gantry::volume::v1::Driver::kKind,
          gantry::volume::v1::Driver::kMajor,
          gantry::volume::v1::Driver::kMinor,
          name,
          "1.0.0",
          []() -> void* { return static_cast<gantry::volume::v1::Driver*>(new sample::VolumeDirectory); },
          [](void* driver) noexcept { delete static_cast<gantry::volume::v1::Driver*>(driver); }};
}

#define EXPORT_DESCRIPTOR(...)                                                              \
  extern "C" __attribute__((visibility("default"))) const gantry::Descriptor gantry_driver; \
  extern "C" const gantry::Descriptor gantry_driver = __VA_ARGS__;
