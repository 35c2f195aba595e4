#pragma once

#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "drivers/tar_maker.hpp"

/// An honest image of one layer, of which what an archive says is made up: "@c", "@l" and "@m" in it stand for the hex
/// digits of the digests of its config, layer and manifest, "@n" for the manifest's size.
struct PackedImage {
  PackedImage() {
    layer = gantry::conformance::TarMaker{}.file("f", "content").take();
    config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")" + digest_of(layer) +
             R"("]}})";
    manifest = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":)"
               R"("application/vnd.oci.image.config.v1+json","size":)" +
               std::to_string(config.size()) + R"(,"digest":")" + digest_of(config) +
               R"("},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":)" +
               std::to_string(layer.size()) + R"(,"digest":")" + digest_of(layer) + R"("}]})";
  }

  static std::string digest_of(std::string_view text) { return gantry::sha256_digest(text); }
  static std::string blob_path(std::string_view text) { return "blobs/sha256/" + digest_of(text).substr(7); }

  [[nodiscard]] std::string filled_in(std::string_view text) const {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const char part = text[at] == '@' && at + 1 < text.size() ? text[at + 1] : '\0';
      const std::string* meant = part == 'c' ? &config : part == 'l' ? &layer : part == 'm' ? &manifest : nullptr;
      if (part == 'n') {
        out += std::to_string(manifest.size());
        ++at;
      } else if (meant == nullptr) {
        out += text[at];
      } else {
        out += digest_of(*meant).substr(7);
        ++at;
      }
    }
    return out;
  }

  std::string layer;
  std::string config;
  std::string manifest;
};
