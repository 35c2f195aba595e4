#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gantry/call.hpp"
#include "gantry/stream.hpp"

struct archive;
struct archive_entry;

namespace gantry::dockerfile {

/// Whether an open file is a tar archive, plain or compressed by gzip, bzip2, xz or zstd.
bool is_archive(int file);

/// Shows `visit` each entry of such an archive, from the file's start; it may read the entry's content. Stops when that
/// answers false, and answers what it answered last. Errors: invalid, io.
bool visit_archive(int file, const Call& call, const std::function<bool(archive& reader, archive_entry& entry)>& visit);

/// Unpacks such an archive into the directory `root`, over what is there: nothing outside of it is touched, whatever
/// the archive says. Owners, modes and times are the archive's. With a `limit` all of it takes no more bytes.
/// Errors: invalid (names the entry; too large), exhausted, io.
void unpack_archive(ByteSource& source, int root, const Call& call, std::optional<std::uint64_t> limit = {});
void unpack_archive(int file, int root, const Call& call, std::optional<std::uint64_t> limit = {});

}  // namespace gantry::dockerfile
