#pragma once

#include <string>

namespace gantry::btrfs {

/// Errors of all: exhausted, io.
void make_subvolume(const std::string& directory, const std::string& name);

/// A writable snapshot of the subvolume `original`: no file is copied.
void snapshot(const std::string& original, const std::string& directory, const std::string& name);

/// At once, however much is in it, with those that it holds. False if it is none, or one in it stays.
bool destroy_subvolume(const std::string& directory, const std::string& name) noexcept;

bool is_btrfs(const std::string& directory);

}  // namespace gantry::btrfs
