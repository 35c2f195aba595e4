// What manifest.json of a docker-archive, or index.json of an OCI layout, says of files that are honest. The first byte
// of an input says which of them it is.

#include "archive_folder.hpp"
#include "fuzz_target.hpp"
#include "images/archive_reader.hpp"
#include "packed_image.hpp"

FUZZ_TARGET(text) {
  using namespace gantry::images;
  static const PackedImage image;
  static const ArchiveFolder folder;
  static const BlobStore blobs{folder.inside()};
  if (text.empty()) return;
  const bool layout = text.front() == 'i';
  gantry::conformance::TarMaker tar;
  tar.file(layout ? "index.json" : "manifest.json", image.filled_in(text.substr(1)));
  tar.file("config.json", image.config).file("layer.tar", image.layer).link("link.tar", "layer.tar");
  for (const std::string* blob : {&image.config, &image.layer, &image.manifest}) {
    tar.file(PackedImage::blob_path(*blob), *blob);
  }
  gantry::conformance::StringSource source{tar.take()};
  ArchiveFiles archive{blobs};
  archive.read(source);
  for (const ArchivedImage& found : find_images(archive)) {
    for (const auto& layer : found.layers) {
      if (layer.digest.size() != PackedImage::digest_of("").size()) std::abort();
    }
  }
}
