#pragma once

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/digest.hpp"
#include "images/service_fixture.hpp"

namespace gantry::images {

constexpr std::size_t kSmall = 1000;
constexpr std::size_t kLarge = 3'000'000;  // Stays in an archive that is a file until it is wanted.

/// An image as archives hold it.
struct Packed {
  explicit Packed(const std::vector<std::size_t>& sizes) {
    nlohmann::json diff_ids = nlohmann::json::array();
    for (const std::size_t size : sizes) {
      layers.push_back(layer_tar(std::to_string(layers.size()), noise(size)));
      diff_ids.push_back(sha256_digest(layers.back()));
    }
    config = nlohmann::json{{"architecture", "amd64"},
                            {"os", "linux"},
                            {"config", {{"Cmd", {"true"}}}},
                            {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}
                 .dump();
  }
  [[nodiscard]] std::string id() const { return sha256_digest(config); }
  [[nodiscard]] std::string manifest() const {
    nlohmann::json item{{"Config", "config.json"}, {"RepoTags", {"box:1"}}, {"Layers", nlohmann::json::array()}};
    for (std::size_t at = 0; at < layers.size(); ++at) item["Layers"].push_back(path(at));
    return nlohmann::json::array({item}).dump();
  }
  static std::string path(std::size_t at) { return std::to_string(at) + "/layer.tar"; }

  std::vector<std::string> layers;
  std::string config;
};

/// `order`: 'c' is the config, 'm' the manifest, 'l' the layers.
inline std::string archive_of(const Packed& image, const std::string& order) {
  conformance::TarMaker tar;
  for (const char part : order) {
    if (part == 'c') tar.file("config.json", image.config);
    if (part == 'm') tar.file("manifest.json", image.manifest());
    if (part != 'l') continue;
    for (std::size_t at = 0; at < image.layers.size(); ++at) tar.file(Packed::path(at), image.layers[at]);
  }
  return tar.take();
}

/// An entry whose header says `size`, with nothing behind it.
inline std::string header_of(const std::string& name, std::uint64_t size) {
  std::string header = conformance::TarMaker{}.file(name).take().substr(0, 512);
  std::snprintf(header.data() + 124, 12, "%011llo", static_cast<unsigned long long>(size));
  std::fill_n(header.begin() + 148, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  return header;
}

inline std::string without_end(std::string tar) { return tar.substr(0, tar.size() - 1024); }

/// A file of `begin` and a hole behind it.
inline std::shared_ptr<const UniqueFd> with_hole(const std::filesystem::path& path, const std::string& begin,
                                                 std::uint64_t hole) {
  std::ofstream{path, std::ios::binary} << begin;
  std::filesystem::resize_file(path, begin.size() + hole);
  return std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

}  // namespace gantry::images
