#include "layer_archive/scratch.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace gantry::layer_archive {
namespace {

namespace fs = std::filesystem;

class LoggingHost final : public Host {
 public:
  std::string data_dir() const override { return {}; }
  std::string exec_dir() const override { return {}; }
  std::string libexec_dir() const override { return {}; }
  const Options& options() const override { return options_; }
  void log(LogLevel, std::string_view line) const noexcept override { lines += std::string{line} + "\n"; }
  void* query(std::string_view) noexcept override { return nullptr; }

  mutable std::string lines;

 private:
  Options options_;
};

TEST(MakeEmpty, LeavesBehindWhatIsInUse) {
  std::string root = fs::temp_directory_path() / "scratch-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  const fs::path work = fs::path{root} / "work";
  const LoggingHost host;
  make_empty(host, work);
  fs::create_directories(work / "a" / "deep");
  fs::create_directories(work / "b" / "used");
  std::ofstream{work / "c"} << "file";
  const bool used = ::mount("tmpfs", (work / "b" / "used").c_str(), "tmpfs", 0, nullptr) == 0;
  make_empty(host, work);
  EXPECT_FALSE(fs::exists(work / "a"));
  EXPECT_FALSE(fs::exists(work / "c"));
  EXPECT_EQ(host.lines.find((work / "b").string() + " is left behind: ") != std::string::npos, used) << host.lines;
  ::umount((work / "b" / "used").c_str());
  make_empty(host, work);
  EXPECT_TRUE(fs::is_empty(work));
  fs::remove_all(root);
}

}  // namespace
}  // namespace gantry::layer_archive
