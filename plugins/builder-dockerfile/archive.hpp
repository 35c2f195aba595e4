#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gantry/call.hpp"
#include "gantry/stream.hpp"

struct archive;

namespace gantry::dockerfile {

/// Whether an open file is a tar archive, plain or compressed by gzip, bzip2, xz or zstd.
bool is_archive(int file);

/// Unpacks such an archive into the directory `root`, over what is there: nothing outside of it is touched, whatever
/// the archive says. Owners, modes and times are the archive's. With a `limit` all of it takes no more bytes.
/// Errors: invalid (names the entry; too large), exhausted, io.
void unpack_archive(ByteSource& source, int root, const Call& call, std::optional<std::uint64_t> limit = {});
void unpack_archive(int file, int root, const Call& call, std::optional<std::uint64_t> limit = {});

}  // namespace gantry::dockerfile
