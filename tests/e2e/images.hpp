#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "daemon.hpp"

namespace gantry::e2e {

/// A folder that holds an OCI image layout of a busybox image made on the spot from the host's static busybox.
/// `layers` more layers follow the first, each with one file /layer/<n>. Lives as long as the tests' process.
std::filesystem::path busybox_layout(int layers = 1);

/// An image layout from layers given as tar streams, base first, and a config's "config" member.
std::filesystem::path make_layout(const std::filesystem::path& folder, const std::vector<std::string>& layers,
                                  const nlohmann::json& config, const std::string& tag);

/// A tar stream of `files`: path to content; a path that ends with "/" is a directory.
struct Entry {
  std::string path;
  std::string content;
  char type{'f'};  ///< 'f', 'd', 'l' (symlink to content), 'h' (hard link to content), 'c' (char device 0/0).
  unsigned mode{0755};
  long uid{};
  long gid{};
};
std::string tar_of(const std::vector<Entry>& entries);

/// busybox:latest in the form that `docker save` wrote before there were OCI layouts, which every dockerd loads.
std::filesystem::path busybox_archive();

/// Loads busybox:latest into the daemon.
void load_busybox(Daemon& daemon);

}  // namespace gantry::e2e
