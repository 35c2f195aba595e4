#include "images/manifest.hpp"

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  for (const char* type : {"", "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
                           "application/vnd.docker.distribution.manifest.v2+json"}) {
    try {
      static_cast<void>(gantry::images::parse_manifest(text, type));
    } catch (const gantry::Error&) {
    }
  }
}
