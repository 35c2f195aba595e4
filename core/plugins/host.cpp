#include "plugins/host.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "base/file.hpp"
#include "plugins/log.hpp"

namespace gantry::plugins {
namespace {

void make_private_directory(const std::string& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) throw_errno("cannot make " + directory, failed.value());
  if (::chmod(directory.c_str(), 0700) != 0) throw_errno("cannot make " + directory + " private");
}

}  // namespace

DriverHost::DriverHost(std::shared_ptr<const DriverInfo> driver, std::string data_dir, std::string exec_dir,
                       std::string libexec_dir)
    : driver_(std::move(driver)),
      data_dir_(std::move(data_dir)),
      exec_dir_(std::move(exec_dir)),
      libexec_dir_(std::move(libexec_dir)) {
  make_private_directory(data_dir_);
  make_private_directory(exec_dir_);
}

void DriverHost::log(LogLevel level, std::string_view message) const noexcept { log_line(*driver_, level, message); }

}  // namespace gantry::plugins
