#pragma once

#include <optional>
#include <string>

#include "fetch_process/fetch_process.hpp"

/// What stands in a recipe or a request in the place of files: an address.
namespace gantry::dockerfile {

/// A repository, and what of it is meant.
struct GitAddress {
  std::string url;
  std::string reference;  ///< A branch, a tag or a commit; empty: its head.
  std::string directory;  ///< Below its root; empty: all of it.
  std::string commit{};   ///< What the reference was found to mean; empty: not known yet.
};

/// Whether `text` is the address of a file or a repository, as dockerd tells: by its scheme.
bool is_address(const std::string& text);

/// "https://host/path.git#reference:directory", "git://host/path", "git@host:path", "github.com/owner/name"; nothing if
/// it is an address of something else.
std::optional<GitAddress> parse_git_address(const std::string& text);

/// For messages.
using fetch_process::without_password;

/// The last part of an address's path, with its escapes resolved; empty if the path is or ends in a slash.
std::string file_name_of(const std::string& url);

/// The file name that "attachment; filename=..." gives; empty if it gives none that is a name alone.
std::string file_name_in(const std::string& disposition);

}  // namespace gantry::dockerfile
