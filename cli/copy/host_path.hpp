#pragma once

#include <string>
#include <string_view>

/// Paths by the rules of Docker's `cp`, in which a trailing "/" or "/." means something (those of Go's path/filepath
/// and of moby's archive package).
namespace gantry::cli {

/// The shortest path that means the same by its words: "a//b/../c/" is "a/c"; "" is ".".
std::string clean_path(std::string_view path);

/// "a/" asserts a directory, and so does "a/.".
bool has_trailing_separator(std::string_view path);
/// Whether the last component is ".".
bool names_current_directory(std::string_view path);
bool asserts_directory(std::string_view path);

struct PathEntry {
  std::string directory;
  std::string base;  ///< "." if the path ends so.
};
/// A directory and what in it is meant: "a/b/" is "b" in "a", "a/b/." is "." in "a/b".
PathEntry split_entry(std::string_view path);

/// `cleaned` with the trailing "/" or "/." of `original`.
std::string keep_ending(std::string cleaned, std::string_view original);

/// `path` from the working directory on, with its ending.
std::string absolute_path(const std::string& path);

/// What a link at `link` points to.
std::string link_destination(const std::string& link, const std::string& target);

/// Where `requested` was a link that led to `resolved`: the path with the ending that was asked for, and the name that
/// the copy bears instead of the path's own, or empty.
struct Resolved {
  std::string path;
  std::string name;
};
Resolved rename_resolved(std::string_view requested, std::string resolved);

}  // namespace gantry::cli
