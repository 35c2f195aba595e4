// The file that a driver's process has loaded, and the next one loads again.

#include <gtest/gtest.h>

#include "isolated/remote_fixture.hpp"

namespace gantry::isolated {
namespace {

/// A driver's file of the test's own.
class Replaced : public Remotes {
 protected:
  void SetUp() override {
    Remotes::SetUp();
    file_ = root_ / "own.so";
    fs::copy(kFake, file_);
    settings_.file = std::make_shared<const DriverFile>(file_);
  }
  fs::path file_;
};

TEST_F(Replaced, FilesAreLoadedAsTheyWere) {
  open();
  fs::copy(GANTRY_FAKES_DIR "/fake-network.so", root_ / "other.so");
  fs::rename(root_ / "other.so", file_);
  const pid_t first = remote_->pid();
  faults("create=abort:*");
  EXPECT_EQ(failure("a").code(), Errc::unavailable);
  faults("");
  create("a");
  EXPECT_NE(remote_->pid(), first);
  fs::remove(file_);
  faults("create=abort:*");
  EXPECT_EQ(failure("a").code(), Errc::unavailable);
  faults("");
  create("b");
}

TEST_F(Replaced, FilesThatWereWrittenToAreRefused) {
  open();
  std::ofstream{file_, std::ios::app} << "more";
  faults("create=abort:*");
  EXPECT_EQ(failure("a").code(), Errc::unavailable);
  const std::string why = failure("a").what();
  EXPECT_NE(why.find("own.so was written to after the driver was loaded"), std::string::npos) << why;
}

}  // namespace
}  // namespace gantry::isolated
