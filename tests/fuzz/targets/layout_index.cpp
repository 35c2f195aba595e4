// index.json of a directory with an OCI layout.

#include <filesystem>
#include <fstream>

#include "archive_folder.hpp"
#include "fuzz_target.hpp"
#include "layout.hpp"
#include "packed_image.hpp"

namespace {

void write(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path, std::ios::binary} << content;
}

}  // namespace

FUZZ_TARGET(text) {
  static const PackedImage image;
  static const ArchiveFolder folder;
  static const bool made = [] {
    write(folder.inside() / "oci-layout", R"({"imageLayoutVersion": "1.0.0"})");
    for (const std::string* blob : {&image.config, &image.layer, &image.manifest}) {
      write(folder.inside() / PackedImage::blob_path(*blob), *blob);
    }
    return true;
  }();
  if (!made) return;
  write(folder.inside() / "index.json", image.filled_in(text));
  oci_layout::Layout layout{folder.inside()};
  const auto try_manifest = [&](const std::string& reference) {
    try {
      gantry::registry::v1::Manifest manifest;
      layout.get_manifest(reference, manifest);
    } catch (const gantry::Error&) {
    }
  };
  try_manifest("");
  for (const std::string& tag : layout.tags()) try_manifest(tag);
  try_manifest(PackedImage::digest_of(image.manifest));
  gantry::registry::v1::Manifest more;
  more.media_type = "application/vnd.oci.image.manifest.v1+json";
  more.content = image.manifest;
  more.digest = PackedImage::digest_of(image.manifest);
  layout.put_manifest("new", more);
  try_manifest("new");
}
