#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "gantry/call.hpp"
#include "path_patterns/pattern.hpp"
#include "tree.hpp"

namespace gantry::dockerfile {

using path_patterns::IgnorePatterns;

struct Owner {
  uid_t uid{};
  gid_t gid{};
};

/// How files are copied.
struct CopyOptions {
  std::optional<Owner> owner;  ///< None: as they are.
  std::optional<mode_t> mode;  ///< None: as they are.
  IgnorePatterns exclude{std::vector<std::string>{}};
};

/// Copies what is at `source` (links followed): a file to `destination`, or into it if it is a directory or ends in a
/// slash; of a directory what is in it. Directories on the way are made. Times are kept, to the second, as dockerd's
/// archives do. Errors: not_found, invalid, exhausted, io.
void copy_into(const Tree& from, const std::string& source, const Tree& to, const std::string& destination,
               const CopyOptions& options, const Call& call);

/// Unpacks the archive at `source` into the directory `destination`. Errors: invalid (damaged, more than `limit`
/// bytes).
void extract_into(const Tree& from, const std::string& source, const Tree& to, const std::string& destination,
                  std::optional<std::uint64_t> limit, const Call& call);

/// Writes a new file.
void write_into(const std::string& content, const std::string& name, const Tree& to, const std::string& destination,
                const CopyOptions& options);

/// "user", "uid", "user:group" by the passwd and group files of an image. Errors: invalid, in dockerd's words.
Owner resolve_owner(const std::string& text, const Tree& image);

/// An octal mode. Errors: invalid.
mode_t parse_mode(const std::string& text);

}  // namespace gantry::dockerfile
