#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instruction.hpp"

/// What a step does in the words of BuildKit's LLB (solver/pb/ops.proto), as JSON: for those who want to know.
namespace gantry::dockerfile {

/// RUN.
struct CommandTold {
  std::vector<std::string> process;
  std::vector<std::string> env;
  std::string directory;
  std::string user;
  std::string network;
  bool insecure{};
  std::vector<RunMount> mounts;
  std::vector<std::optional<std::size_t>> origins;  ///< Of each mount: the input that it is filled from.
};
std::string command_operation(const CommandTold& told);

/// COPY and ADD: one after the other.
struct FilesTold {
  struct Copied {
    std::size_t input{};
    std::string source;
  };
  struct Written {
    std::string path;
    std::string content;
  };
  bool add{};
  std::vector<Copied> copied;
  std::vector<Written> written;
  std::string destination;  ///< Absolute.
  std::string owner;
  std::string mode;
  std::vector<std::string> exclude;
  std::size_t inputs{};  ///< How many there are, with the parent.
};
std::string files_operation(const FilesTold& told);

/// WORKDIR.
std::string directory_operation(const std::string& path);

}  // namespace gantry::dockerfile
