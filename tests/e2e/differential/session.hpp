#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "../command.hpp"
#include "case_file.hpp"

namespace gantry::e2e::differential {

/// Runs cases against one daemon by one client, and cleans up after each.
class Session {
 public:
  /// `client`: the program that a script's `docker` stands for. `words`: see normalise().
  Session(std::filesystem::path socket, std::string client, std::map<std::string, std::string> words);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Loads busybox:latest, the one image that every case finds. False if that fails.
  bool load_image();

  /// The normalised transcript: each command after "$ ", its output, its errors after "! ", "[code]" unless that is 0.
  std::string run(const Case& script);

 private:
  [[nodiscard]] Environment environment() const;

  std::filesystem::path socket_;
  std::string client_;
  std::map<std::string, std::string> words_;
  std::filesystem::path scratch_;
};

}  // namespace gantry::e2e::differential
