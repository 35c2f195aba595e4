#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gantry/storage.hpp"

/// A storage driver in two pages: a layer is a directory, a top is a copy of all its layers. It knows directories,
/// regular files and links, with their modes; owners and all else it leaves out.
namespace sample {

namespace fs = std::filesystem;
namespace storage = gantry::storage::v1;

class StorageDirectory : public storage::Driver {
 public:
  void capabilities(gantry::Capabilities& out) const override { out = {"parallel-apply"}; }
  void options(std::vector<gantry::OptionInfo>&) const override {}

  void open(gantry::Host& host) override {
    root_ = host.data_dir();
    fs::remove_all(root_ / "draft");
    for (const char* folder : {"draft", "layers", "tops"}) fs::create_directories(root_ / folder);
  }

  void apply(const storage::ChainId& id, const std::vector<storage::ChainId>&, gantry::ByteSource& tar,
             storage::AppliedLayer& out, const gantry::Call& call) override {
    if (fs::exists(layer(id))) return;
    const fs::path draft = root_ / "draft" / id.substr(7);
    fs::remove_all(draft);
    fs::create_directory(draft);
    unpack(tar, draft, out, call);
    fs::rename(draft, layer(id));
  }

  void remove_layer(const storage::ChainId& id, const gantry::Call&) override { fs::remove_all(layer(id)); }

  void prepare(const storage::Key& key, const std::vector<storage::ChainId>& layers,
               const storage::PrepareOptions& options, std::vector<gantry::Mount>& out,
               const gantry::Call& call) override {
    if (options.size_limit != 0) throw gantry::Error{gantry::Errc::unsupported, "directories have no quota"};
    std::string recipe;
    for (const auto& id : layers) {
      if (!fs::exists(layer(id))) throw gantry::Error{gantry::Errc::not_found, "no such layer: " + id};
      recipe += id + "\n";
    }
    if (fs::exists(top(key))) {
      std::ifstream file{top(key) / "layers"};
      if (std::string{std::istreambuf_iterator<char>{file}, {}} != recipe) {
        throw gantry::Error{gantry::Errc::conflict, "top " + key + " exists over other layers"};
      }
      return mounts(key, out, call);
    }
    const fs::path draft = root_ / "draft" / key;
    fs::remove_all(draft);
    fs::create_directories(draft / "root");
    for (const auto& id : layers) put_over(layer(id), draft / "root", call);
    std::ofstream{draft / "layers"} << recipe;
    fs::rename(draft, top(key));
    mounts(key, out, call);
  }

  void mounts(const storage::Key& key, std::vector<gantry::Mount>& out, const gantry::Call&) override {
    check(key);
    gantry::Mount mount;
    mount.type = "bind";
    mount.source = top(key) / "root";
    mount.options = {"rbind", "rw"};
    out.push_back(std::move(mount));
  }

  void remove(const storage::Key& key, const gantry::Call&) override { fs::remove_all(top(key)); }

  void usage(const storage::Key& key, storage::Usage& out, const gantry::Call&) override {
    check(key);
    for (const auto& entry : fs::recursive_directory_iterator{top(key) / "root"}) {
      ++out.inodes;
      if (entry.is_regular_file()) out.size += entry.file_size();
    }
  }

  void changes(const storage::Key& key, std::vector<storage::Change>&, const gantry::Call&) override {
    check(key);
    throw gantry::Error{gantry::Errc::unsupported, "directories do not know what changed"};
  }

  void diff(const storage::Key& key, gantry::ByteSink&, const gantry::Call&) override {
    check(key);
    throw gantry::Error{gantry::Errc::unsupported, "directories do not know what changed"};
  }

  void list(storage::Holdings& out, const gantry::Call&) override {
    for (const auto& entry : fs::directory_iterator{root_ / "layers"}) {
      out.layers.push_back("sha256:" + entry.path().filename().string());
    }
    for (const auto& entry : fs::directory_iterator{root_ / "tops"}) out.keys.push_back(entry.path().filename());
  }

 private:
  /// What libarchive's callback reads from.
  struct Reader {
    gantry::ByteSource& tar;
    std::array<std::byte, 65536> buffer;

    static la_ssize_t read(archive*, void* self, const void** bytes) {
      auto& reader = *static_cast<Reader*>(self);
      *bytes = reader.buffer.data();
      return static_cast<la_ssize_t>(reader.tar.read(reader.buffer));
    }
  };

  /// Where a name of the archive's is. A link of the layer's own must not lead out of it either.
  static fs::path place(const fs::path& into, const char* text) {
    const fs::path name = fs::path{text}.lexically_normal().relative_path();
    const fs::path file = into / name;
    const fs::path parent = fs::weakly_canonical(file.parent_path()).lexically_relative(fs::canonical(into));
    if (std::ranges::find(name, "..") != name.end() || parent.empty() || *parent.begin() == "..") {
      throw gantry::Error{gantry::Errc::invalid, "layer entry leaves the layer: " + name.string()};
    }
    fs::create_directories(file.parent_path());
    return file;
  }

  static void unpack(gantry::ByteSource& tar, const fs::path& into, storage::AppliedLayer& out,
                     const gantry::Call& call) {
    const std::unique_ptr<archive, decltype(&archive_read_free)> reader{archive_read_new(), &archive_read_free};
    archive_read_support_format_tar(reader.get());
    Reader source{tar, {}};
    if (archive_read_open(reader.get(), &source, nullptr, &Reader::read, nullptr) != ARCHIVE_OK) {
      throw gantry::Error{gantry::Errc::invalid, "layer: not a tar archive"};
    }
    archive_entry* entry = nullptr;
    int status = ARCHIVE_OK;
    while ((status = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
      call.check();
      put_entry(reader.get(), entry, into, out);
    }
    if (status != ARCHIVE_EOF)
      throw gantry::Error{gantry::Errc::invalid, "layer: " + std::string{archive_error_string(reader.get())}};
    while (tar.read(source.buffer) > 0) {
    }
  }

  static void put_entry(archive* reader, archive_entry* entry, const fs::path& into, storage::AppliedLayer& out) {
    const fs::path file = place(into, archive_entry_pathname(entry));
    const auto mode = static_cast<fs::perms>(archive_entry_perm(entry));
    if (archive_entry_filetype(entry) == AE_IFDIR) {
      fs::create_directories(file);
      return fs::permissions(file, mode);
    }
    fs::remove(file);
    if (const char* other = archive_entry_hardlink(entry)) {
      return fs::copy(place(into, other), file, fs::copy_options::copy_symlinks);
    }
    if (archive_entry_filetype(entry) == AE_IFLNK) return fs::create_symlink(archive_entry_symlink(entry), file);
    std::ofstream content{file, std::ios::binary};
    std::array<char, 65536> buffer;
    for (la_ssize_t got = 0; (got = archive_read_data(reader, buffer.data(), buffer.size())) > 0;) {
      content.write(buffer.data(), got);
      out.size += static_cast<std::uint64_t>(got);
    }
    content.close();
    fs::permissions(file, mode);
  }

  /// Copies a layer over a tree, its whiteouts applied.
  static void put_over(const fs::path& from, const fs::path& onto, const gantry::Call& call) {
    for (const auto& entry : fs::recursive_directory_iterator{from}) {
      call.check();
      const fs::path target = onto / entry.path().lexically_relative(from);
      const std::string name = target.filename();
      if (name == ".wh..wh..opq") {
        for (const auto& hidden : fs::directory_iterator{target.parent_path()}) fs::remove_all(hidden);
      } else if (name.starts_with(".wh.")) {
        fs::remove_all(target.parent_path() / name.substr(4));
      } else if (entry.symlink_status().type() == fs::file_type::directory) {
        fs::create_directories(target);
        fs::permissions(target, entry.status().permissions());
      } else {
        fs::remove_all(target);
        fs::copy(entry.path(), target, fs::copy_options::copy_symlinks);
      }
    }
  }

  void check(const storage::Key& key) const {
    if (!fs::exists(top(key))) throw gantry::Error{gantry::Errc::not_found, "no such top: " + key};
  }

  fs::path layer(const storage::ChainId& id) const { return root_ / "layers" / id.substr(7); }
  fs::path top(const storage::Key& key) const { return root_ / "tops" / key; }

  fs::path root_;
};

}  // namespace sample
