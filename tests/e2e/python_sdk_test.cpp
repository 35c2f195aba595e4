// Programs that use Docker's SDK for Python: python_sdk.py does what they do.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using PythonSdk = Engine;

TEST_F(PythonSdk, FindsWhatItKnowsOfDocker) {
  if (shell("python3 -c 'import docker'").code != 0) GTEST_SKIP() << "no python3-docker on this machine";
  const Result result = shell("python3 " GANTRY_PYTHON_SDK " " + daemon->socket().string(), daemon->environment());
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(cli("ps -aq").out, "");
  EXPECT_EQ(cli("volume prune -af").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
