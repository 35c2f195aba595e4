#include "images.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

namespace gantry::e2e {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::string sha256_of(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[hash[i] >> 4U];
    text += digits[hash[i] & 15U];
  }
  return text;
}

// Puts a blob into the layout and describes it.
json put_blob(const fs::path& layout, const std::string& bytes, const std::string& media_type) {
  const std::string digest = sha256_of(bytes);
  std::ofstream{layout / "blobs/sha256" / digest, std::ios::binary} << bytes;
  return {{"mediaType", media_type}, {"digest", "sha256:" + digest}, {"size", bytes.size()}};
}

std::string read_all(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<Entry> busybox_tree() {
  std::vector<Entry> tree;
  for (const char* folder :
       {"bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "usr/sbin", "sbin", "var"}) {
    tree.push_back({.path = folder, .content = {}, .type = 'd'});
  }
  tree.push_back({.path = "tmp", .content = {}, .type = 'd', .mode = 01777});
  tree.push_back({.path = "bin/busybox", .content = read_all("/bin/busybox")});
  for (const std::string& applet : shell("/bin/busybox --list").lines()) {
    if (applet != "busybox") tree.push_back({.path = "bin/" + applet, .content = "busybox", .type = 'l'});
  }
  tree.push_back({.path = "etc/passwd",
                  .content =
                      "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                      "www-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
                  .mode = 0644});
  tree.push_back({.path = "etc/group",
                  .content = "root:x:0:\ndaemon:x:1:www-data\nstaff:x:50:www-data\nwww-data:x:33:\nnogroup:x:65534:\n",
                  .mode = 0644});
  return tree;
}

struct Scratch {
  fs::path path;
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "gantry-images-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

}  // namespace

std::string tar_of(const std::vector<Entry>& entries) {
  std::string tar;
  const auto append = [](archive*, void* sink, const void* bytes, size_t size) -> la_ssize_t {
    static_cast<std::string*>(sink)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
  };
  const std::unique_ptr<archive, int (*)(archive*)> out{archive_write_new(), archive_write_free};
  archive_write_set_format_pax_restricted(out.get());
  archive_write_set_bytes_in_last_block(out.get(), 1);
  archive_write_open(out.get(), &tar, nullptr, append, nullptr);
  for (const Entry& item : entries) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry{archive_entry_new(), archive_entry_free};
    archive_entry_set_pathname(entry.get(), item.path.c_str());
    archive_entry_set_perm(entry.get(), item.mode);
    archive_entry_set_uid(entry.get(), item.uid);
    archive_entry_set_gid(entry.get(), item.gid);
    archive_entry_set_mtime(entry.get(), 1'700'000'000, 0);
    archive_entry_set_filetype(entry.get(), item.type == 'd'   ? AE_IFDIR
                                            : item.type == 'l' ? AE_IFLNK
                                            : item.type == 'c' ? AE_IFCHR
                                                               : AE_IFREG);
    if (item.type == 'l') archive_entry_set_symlink(entry.get(), item.content.c_str());
    if (item.type == 'h') archive_entry_set_hardlink(entry.get(), item.content.c_str());
    if (item.type == 'f') archive_entry_set_size(entry.get(), static_cast<la_int64_t>(item.content.size()));
    archive_write_header(out.get(), entry.get());
    if (item.type == 'f') archive_write_data(out.get(), item.content.data(), item.content.size());
  }
  archive_write_close(out.get());
  return tar;
}

fs::path make_layout(const fs::path& folder, const std::vector<std::string>& layers, const json& config,
                     const std::string& tag) {
  fs::create_directories(folder / "blobs/sha256");
  std::ofstream{folder / "oci-layout"} << R"({"imageLayoutVersion":"1.0.0"})";
  json diff_ids = json::array();
  json descriptors = json::array();
  for (const std::string& layer : layers) {
    diff_ids.push_back("sha256:" + sha256_of(layer));
    const Result zipped = shell("gzip -n -1", {}, layer);
    descriptors.push_back(put_blob(folder, zipped.out, "application/vnd.oci.image.layer.v1.tar+gzip"));
  }
  const json image = {
      {"architecture", "amd64"},
      {"os", "linux"},
      {"created", "2026-01-01T00:00:00Z"},
      {"config", config},
      {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}},
      {"history", json::array({{{"created", "2026-01-01T00:00:00Z"}, {"created_by", "made by a test"}}})}};
  const json manifest = {{"schemaVersion", 2},
                         {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                         {"config", put_blob(folder, image.dump(), "application/vnd.oci.image.config.v1+json")},
                         {"layers", descriptors}};
  json described = put_blob(folder, manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
  described["annotations"] = {{"org.opencontainers.image.ref.name", tag}};
  const std::string name = tag.find('/') == std::string::npos ? "docker.io/library/" + tag : tag;
  described["annotations"]["io.containerd.image.name"] = name;
  std::ofstream{folder / "index.json"} << json{{"schemaVersion", 2}, {"manifests", {described}}}.dump();
  return folder;
}

fs::path busybox_layout(int layers) {
  static const Scratch scratch;
  const fs::path folder = scratch.path / std::to_string(layers);
  if (fs::exists(folder)) return folder;
  std::vector<std::string> tars{tar_of(busybox_tree())};
  for (int number = 1; number < layers; ++number) {
    tars.push_back(
        tar_of({{.path = "layer", .content = {}, .type = 'd'},
                {.path = "layer/" + std::to_string(number), .content = std::to_string(number), .mode = 0644}}));
  }
  return make_layout(folder, tars,
                     {{"Cmd", {"sh"}}, {"Env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}},
                     "busybox:latest");
}

fs::path busybox_archive() {
  static const Scratch scratch;
  const fs::path folder = scratch.path / "archive";
  if (fs::exists(folder)) return folder;
  fs::copy(busybox_layout(), folder, fs::copy_options::recursive);
  const auto blob = [](const json& descriptor) {
    return "blobs/sha256/" + descriptor.at("digest").get<std::string>().substr(std::string_view{"sha256:"}.size());
  };
  const json index = json::parse(read_all(folder / "index.json"));
  const json manifest = json::parse(read_all(folder / blob(index.at("manifests").front())));
  json layers = json::array();
  for (const json& layer : manifest.at("layers")) layers.push_back(blob(layer));
  std::ofstream{folder / "manifest.json"}
      << json::array({{{"Config", blob(manifest.at("config"))}, {"RepoTags", {"busybox:latest"}}, {"Layers", layers}}});
  fs::remove(folder / "index.json");
  fs::remove(folder / "oci-layout");
  return folder;
}

void load_busybox(Daemon& daemon) {
  const Result loaded = shell("tar -C " + busybox_layout().string() + " -c . | " + program("gantry").string() + " load",
                              daemon.environment());
  ASSERT_EQ(loaded.code, 0) << loaded.out << loaded.err << daemon.log();
}

}  // namespace gantry::e2e
