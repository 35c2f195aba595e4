#pragma once

#include <sys/types.h>

#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// A program file's content in a sealed memfd: nothing can write to it, from wherever (CVE-2019-5736).
UniqueFd load_sealed(const std::string& path);

/// `text` in a memfd, at its start.
UniqueFd memory_file(const char* name, const std::string& text);

/// What a new shim is given; the caller keeps its own ends.
struct ShimDescriptors {
  int control{};
  int plan{};
  int exit_pipe{};
  int init_program{-1};
};

/// Starts a shim in a session of its own from the sealed file. Between fork and exec runs nothing but posix_spawn(3).
pid_t spawn_shim(int program, const std::string& id, const ShimDescriptors& descriptors);

}  // namespace gantry::container_shim
