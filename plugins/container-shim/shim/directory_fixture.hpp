#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace gantry::container_shim {

/// A test in a directory of its own.
class Directory : public ::testing::Test {
 protected:
  Directory() {
    std::string pattern = std::filesystem::temp_directory_path() / "gantry-shim-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Directory() override { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::filesystem::path path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace gantry::container_shim
