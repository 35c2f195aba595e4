#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry {

/// Throws `Errc::io` (`exhausted` for a full disk, `not_found` for ENOENT) with `what` and the text of errno.
[[noreturn]] void throw_errno(const std::string& what);
[[noreturn]] void throw_errno(const std::string& what, int error);

/// The whole file. Errors: not_found, io; invalid if it is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{16} << 20);

/// Replaces the file as a whole: readers see the old or the new content, also after a kill. Not durable against a loss
/// of power: what must be, is in the state store.
void write_file_atomically(const std::filesystem::path& path, std::string_view content, unsigned mode = 0600);

/// Overwrites a file in place, so that whoever has bind-mounted it sees the change.
void write_file_in_place(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

/// Writes all of `content`.
void write_all(int fd, std::string_view content);

}  // namespace gantry
