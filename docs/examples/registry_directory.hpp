#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/registry.hpp"

/// A registry driver in a page: manifests under <root>/<host>/<path>/<tag>, their media type beside them, blobs under
/// <root>/blobs/<hex>.
namespace sample {

namespace fs = std::filesystem;
namespace registry = gantry::registry::v1;

class RegistryDirectory : public registry::Driver {
 public:
  void capabilities(gantry::Capabilities& out) const override { out = {"push", "tags"}; }

  void options(std::vector<gantry::OptionInfo>& out) const override {
    out.push_back(
        {"root", gantry::OptionType::path, gantry::OptionScope::driver, "/srv/images", "where the images are"});
  }

  void open(gantry::Host& host) override { root_ = host.options().at("root"); }

  void get_manifest(const registry::Repository& repository, const std::string& reference, const registry::Credentials&,
                    registry::Manifest& out, const gantry::Call&) override {
    const fs::path file = folder(repository) / reference;
    if (!fs::exists(file)) {
      throw gantry::Error{gantry::Errc::not_found, "manifest for " + repository.path + ":" + reference +
                                                       " not found: manifest unknown: manifest unknown"};
    }
    if (fs::file_size(file) > kLargestManifest) {
      throw gantry::Error{gantry::Errc::invalid,
                          "manifest of " + repository.path + ":" + reference + " is larger than 4 MiB"};
    }
    out.content = text(file);
    out.media_type = text(file.string() + ".type");
    out.digest = text(file.string() + ".digest");
  }

  void get_blob(const registry::Repository&, const registry::Descriptor& blob, std::uint64_t offset,
                const registry::Credentials&, gantry::ByteSink& sink, const gantry::Call& call) override {
    std::ifstream file{blob_file(blob), std::ios::binary};
    if (!file) throw gantry::Error{gantry::Errc::not_found, "blob unknown to registry: " + blob.digest};
    file.seekg(static_cast<std::streamoff>(offset));
    std::uint64_t sent = offset;
    for (std::array<char, 65536> buffer; file.read(buffer.data(), buffer.size()) || file.gcount() > 0;) {
      call.check();
      sink.write(std::as_bytes(std::span{buffer}.first(static_cast<std::size_t>(file.gcount()))));
      sent += static_cast<std::uint64_t>(file.gcount());
      call.progress({blob.digest, "Downloading", sent, blob.size});
    }
  }

  bool has_blob(const registry::Repository&, const registry::Descriptor& blob, const registry::Credentials&,
                const gantry::Call&) override {
    return fs::exists(blob_file(blob));
  }

  bool put_blob(const registry::Repository&, const registry::Descriptor& blob, const std::vector<std::string>&,
                const registry::Credentials&, gantry::ByteSource& source, const gantry::Call& call) override {
    const fs::path file = blob_file(blob);
    if (fs::exists(file)) return false;
    fs::create_directories(file.parent_path());
    std::ofstream draft{file.string() + ".part", std::ios::binary};
    for (std::array<std::byte, 65536> buffer;;) {
      call.check();
      const std::size_t got = source.read(buffer);
      if (got == 0) break;
      draft.write(reinterpret_cast<const char*>(buffer.data()), static_cast<std::streamsize>(got));
    }
    draft.close();
    fs::rename(file.string() + ".part", file);
    return true;
  }

  void put_manifest(const registry::Repository& repository, const std::string& reference,
                    const registry::Manifest& manifest, const registry::Credentials&, const gantry::Call&) override {
    fs::create_directories(folder(repository));
    for (const std::string& name : {reference, manifest.digest}) {
      const std::string file = folder(repository) / name;
      std::ofstream{file + ".type"} << manifest.media_type;
      std::ofstream{file + ".digest"} << manifest.digest;
      std::ofstream{file} << manifest.content;
    }
  }

  void list_tags(const registry::Repository& repository, const registry::Credentials&, std::vector<std::string>& out,
                 const gantry::Call&) override {
    for (const auto& entry : fs::directory_iterator{folder(repository)}) {
      if (!entry.path().has_extension()) out.push_back(entry.path().filename());
    }
    std::ranges::sort(out);
  }

  void login(const std::string& host, const registry::Credentials&, std::string&, const gantry::Call&) override {
    throw gantry::Error{gantry::Errc::unsupported, "registry " + host + " is a directory: nobody logs in"};
  }

  void search(const std::string& host, const std::string&, int, const registry::Credentials&,
              std::vector<registry::SearchResult>&, const gantry::Call&) override {
    throw gantry::Error{gantry::Errc::unsupported, "registry " + host + " is a directory: it has no search"};
  }

 private:
  static constexpr std::uintmax_t kLargestManifest = std::uintmax_t{4} << 20;

  static std::string text(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }

  fs::path folder(const registry::Repository& repository) const { return root_ / repository.host / repository.path; }
  fs::path blob_file(const registry::Descriptor& blob) const {
    constexpr std::string_view digits = "0123456789abcdef";
    const std::string hex = blob.digest.starts_with("sha256:") ? blob.digest.substr(7) : "";
    if (hex.size() != 64 || hex.find_first_not_of(digits) != std::string::npos) {
      throw gantry::Error{gantry::Errc::invalid, "\"" + blob.digest + "\" is no sha256 digest"};
    }
    return root_ / "blobs" / hex;
  }

  fs::path root_;
};

}  // namespace sample
