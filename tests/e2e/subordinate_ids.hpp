#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "command.hpp"

namespace gantry::e2e {

/// The files of /etc that say which ids are whose, for this test's daemons only: the mount namespace is the test's.
inline void write_subordinate_ids() {
  static bool done = false;
  if (std::exchange(done, true)) return;
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "subordinate";
  std::filesystem::create_directories(folder);
  for (const char* file : {"subuid", "subgid"}) {
    std::ofstream{folder / file} << "daemon:100000:65536\n";
    const std::string place = std::string{"/etc/"} + file;
    ASSERT_EQ(shell("touch " + place + " && mount --bind " + (folder / file).string() + " " + place).code, 0);
  }
}

}  // namespace gantry::e2e
