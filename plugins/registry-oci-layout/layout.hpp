#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "gantry/call.hpp"
#include "gantry/registry.hpp"
#include "gantry/stream.hpp"
#include "gantry/unique_fd.hpp"

namespace oci_layout {

/// A directory that holds images (OCI image spec, image-layout.md). Errors of all: not_found, invalid (what lies there
/// is no layout), io; the messages name the directory.
class Layout {
 public:
  explicit Layout(std::string path);

  /// `reference`: a tag, a digest, or nothing for the only image.
  void get_manifest(const std::string& reference, gantry::registry::v1::Manifest& out) const;
  [[nodiscard]] std::vector<std::string> tags() const;
  /// Of a blob that is there with the size that is wanted; else empty.
  [[nodiscard]] gantry::UniqueFd open_blob(const std::string& digest, std::uint64_t size) const;

  /// These make the layout if there is none.
  void put_blob(const gantry::registry::v1::Descriptor& blob, gantry::ByteSource& source, const gantry::Call& call);
  void put_manifest(const std::string& reference, const gantry::registry::v1::Manifest& manifest);

 private:
  [[nodiscard]] nlohmann::json index() const;
  [[nodiscard]] nlohmann::json find(const std::string& reference) const;
  [[nodiscard]] std::string read(const std::string& name) const;
  [[nodiscard]] std::string blob_path(const std::string& digest) const;
  void make() const;
  void write(const std::string& name, const std::string& content) const;

  std::string path_;
};

}  // namespace oci_layout
