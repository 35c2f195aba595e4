#include "layer_archive/unpack.hpp"

#include <archive_entry.h>

#include <string>

#include "layer_archive/archive_reader.hpp"
#include "layer_archive/entry_writer.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::layer_archive {
namespace {

std::string name_of(archive_entry* entry) {
  const char* const name = ::archive_entry_pathname(entry);
  return quoted(name == nullptr ? "" : name);
}

}  // namespace

Unpacked unpack(ByteSource& tar, int root, const Call& call) {
  const Utf8Locale locale;
  ArchiveReader reader{tar};
  EntryWriter writer{root, reader, call};
  Unpacked out;
  while (archive_entry* const entry = reader.next()) {
    call.check();
    ++out.entries;
    try {
      writer.write(entry);
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled || reader.source_failed()) throw;
      throw Error{error.code(), "layer entry " + name_of(entry) + ": " + error.what()};
    }
  }
  writer.finish();
  reader.drain();
  out.size = writer.size();
  return out;
}

}  // namespace gantry::layer_archive
