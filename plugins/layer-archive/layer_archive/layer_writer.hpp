#pragma once

#include <sys/stat.h>

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gantry/call.hpp"
#include "gantry/stream.hpp"
#include "layer_archive/archive_reader.hpp"

namespace gantry::layer_archive {

/// Writes a layer's tar stream (pax), with OCI whiteouts. Same calls over the same files, same bytes: the caller brings
/// the entries in a fixed order, a directory before what is in it.
class LayerWriter {
 public:
  LayerWriter(ByteSink& sink, const Call& call);
  ~LayerWriter();
  LayerWriter(const LayerWriter&) = delete;
  LayerWriter& operator=(const LayerWriter&) = delete;

  /// Adds the file `name` in `directory` as `path` (relative; "" for the root). Sockets are left out: tar has none.
  void entry(int directory, const std::string& name, const std::string& path, const struct stat& status);

  /// Says that `path` of the layers below is no more.
  void whiteout(const std::string& path);

  /// Says that nothing of the layers below is seen in the directory `path`.
  void opaque(const std::string& path);

  void finish();

 private:
  static long put(archive* writer, void* self, const void* bytes, std::size_t size);
  void header(archive_entry* entry);
  void marker(const std::string& path);
  void attributes(archive_entry* entry, const std::string& path_in_proc) const;
  void regular_file(archive_entry* entry, int directory, const std::string& name, const std::string& path,
                    const struct stat& status);
  void content(int file, std::uint64_t size);
  [[noreturn]] void fail();

  struct Free {
    void operator()(archive* writer) const noexcept;
  };
  struct FreeEntry {
    void operator()(archive_entry* entry) const noexcept;
  };
  using Entry = std::unique_ptr<archive_entry, FreeEntry>;

  const Utf8Locale locale_;
  ByteSink& sink_;
  const Call& call_;
  std::exception_ptr sink_failure_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<std::byte> buffer_;
  std::unique_ptr<archive, Free> writer_;
};

}  // namespace gantry::layer_archive
