#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gantry/stream.hpp"

namespace gantry::conformance {

/// Makes layers' tar streams in memory, honest ones and others.
class TarMaker {
 public:
  struct Attributes {
    unsigned mode = 0644;
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    std::int64_t mtime = 1'000'000'000;
    long nanoseconds = 0;
    std::vector<std::pair<std::string, std::string>> xattrs{};
  };

  TarMaker() : writer_(::archive_write_new()) {
    ::archive_write_set_format_pax(writer_);
    ::archive_write_set_bytes_per_block(writer_, 0);
    ::archive_write_open(writer_, &bytes_, nullptr, &TarMaker::append, nullptr);
  }
  ~TarMaker() { ::archive_write_free(writer_); }
  TarMaker(const TarMaker&) = delete;
  TarMaker& operator=(const TarMaker&) = delete;

  TarMaker& file(const std::string& name, const std::string& content = {}) { return file(name, content, Attributes{}); }
  TarMaker& file(const std::string& name, const std::string& content, const Attributes& attributes) {
    return add(name, AE_IFREG, attributes, content, {});
  }
  TarMaker& directory(const std::string& name) { return directory(name, {0755, 0, 0, 1'000'000'000, 0, {}}); }
  TarMaker& directory(const std::string& name, const Attributes& attributes) {
    return add(name, AE_IFDIR, attributes, {}, {});
  }
  TarMaker& link(const std::string& name, const std::string& target) {
    return add(name, AE_IFLNK, Attributes{}, {},
               [&](archive_entry* entry) { ::archive_entry_copy_symlink(entry, target.c_str()); });
  }
  TarMaker& hard_link(const std::string& name, const std::string& target) {
    return add(name, AE_IFREG, Attributes{}, {},
               [&](archive_entry* entry) { ::archive_entry_copy_hardlink(entry, target.c_str()); });
  }
  TarMaker& node(const std::string& name, unsigned type, unsigned major, unsigned minor) {
    return add(name, type, Attributes{}, {}, [&](archive_entry* entry) {
      ::archive_entry_set_rdevmajor(entry, major);
      ::archive_entry_set_rdevminor(entry, minor);
    });
  }
  /// A file of `size` bytes that is a hole but for `tail` at its end.
  TarMaker& sparse(const std::string& name, std::int64_t size, const std::string& tail) {
    const auto at = size - static_cast<std::int64_t>(tail.size());
    std::string content(static_cast<std::size_t>(size), '\0');
    std::memcpy(content.data() + at, tail.data(), tail.size());
    return add(name, AE_IFREG, Attributes{}, content, [&](archive_entry* entry) {
      ::archive_entry_sparse_add_entry(entry, at, static_cast<std::int64_t>(tail.size()));
    });
  }
  TarMaker& whiteout(const std::string& directory, const std::string& name) { return file(directory + ".wh." + name); }

  /// The whole stream.
  std::string take() {
    ::archive_write_close(writer_);
    return bytes_;
  }

 private:
  static la_ssize_t append(archive* /*writer*/, void* bytes, const void* data, std::size_t size) {
    static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  }

  TarMaker& add(const std::string& name, unsigned type, const Attributes& attributes, const std::string& content,
                const std::function<void(archive_entry*)>& more) {
    archive_entry* const entry = ::archive_entry_new();
    ::archive_entry_copy_pathname(entry, name.c_str());
    ::archive_entry_set_filetype(entry, type);
    ::archive_entry_set_perm(entry, static_cast<__LA_MODE_T>(attributes.mode));
    ::archive_entry_set_uid(entry, attributes.uid);
    ::archive_entry_set_gid(entry, attributes.gid);
    ::archive_entry_set_mtime(entry, attributes.mtime, attributes.nanoseconds);
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    for (const auto& [key, value] : attributes.xattrs) {
      ::archive_entry_xattr_add_entry(entry, key.c_str(), value.data(), value.size());
    }
    if (more) more(entry);
    ::archive_write_header(writer_, entry);
    if (!content.empty()) ::archive_write_data(writer_, content.data(), content.size());
    ::archive_entry_free(entry);
    return *this;
  }

  std::string bytes_;
  archive* writer_;
};

/// A stream out of memory, in pieces as small as a socket's.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string bytes, std::size_t piece = 16384) : bytes_(std::move(bytes)), piece_(piece) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t size = std::min({buffer.size(), bytes_.size() - at_, piece_});
    std::memcpy(buffer.data(), bytes_.data() + at_, size);
    at_ += size;
    return size;
  }

  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

class StringSink final : public ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace gantry::conformance
