#pragma once

#include <string>

/// What `cp` copies where, by moby's rules.
namespace gantry::cli {

struct CopySource {
  std::string path;
  bool is_directory{};
  std::string name;  ///< Instead of the path's own; empty if there is no other.
};

struct CopyDestination {
  std::string path;
  bool exists{};
  bool is_directory{};
};

struct CopyPlan {
  std::string directory;  ///< Where the archive is to be extracted,
  std::string root;       ///< and the name that its root is to have.
};

/// Errors: Failure ("cannot copy directory", "no such directory").
CopyPlan plan_copy(const CopySource& source, const CopyDestination& destination);

/// A source on this machine. Errors: Failure ("lstat /x: no such file or directory").
CopySource host_source(const std::string& path, bool follow_link);

/// A destination on this machine, of which at least the parent must be there. Errors: Failure.
CopyDestination host_destination(const std::string& path);

/// Errors: Failure ("invalid output path: ...").
void check_output_path(const std::string& path);

/// `name` with the root `from` replaced by `to`.
std::string rename_root(const std::string& name, const std::string& from, const std::string& to);

}  // namespace gantry::cli
