#include "containers/propagation.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::containers {
namespace {

constexpr const char* kMounts =
    "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda rw\n"
    "2 1 0:5 / /nowhere-priv rw - tmpfs tmpfs rw\n"
    "3 1 0:6 / /nowhere\\040slave rw master:4 - tmpfs tmpfs rw\n"
    "4 1 0:7 / /nowhere-priv/top rw - tmpfs tmpfs rw\n"
    "5 1 0:8 / /nowhere-priv/top rw shared:9 - tmpfs tmpfs rw\n";

std::string refusal(const std::string& source, const std::string& propagation) {
  try {
    check_propagation(source, propagation, kMounts);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Propagation, IsThatOfTheMountThatTheSourceLiesOn) {
  EXPECT_EQ(refusal("/nowhere-private", "rshared"), "");
  EXPECT_EQ(refusal("/nowhere-priv/x", "rshared"),
            "path /nowhere-priv/x is mounted on /nowhere-priv but it is not a shared mount");
  EXPECT_EQ(refusal("/nowhere-priv", "slave"),
            "path /nowhere-priv is mounted on /nowhere-priv but it is not a shared or slave mount");
  EXPECT_EQ(refusal("/nowhere-priv", "rprivate"), "");
}

TEST(Propagation, ASlavePassesOnToSlavesOnly) {
  EXPECT_EQ(refusal("/nowhere slave/x", "rslave"), "");
  EXPECT_EQ(refusal("/nowhere slave/x", "shared"),
            "path /nowhere slave/x is mounted on /nowhere slave but it is not a shared mount");
}

TEST(Propagation, TheUppermostOfSeveralMountsCounts) { EXPECT_EQ(refusal("/nowhere-priv/top/x", "shared"), ""); }

}  // namespace
}  // namespace gantry::containers
