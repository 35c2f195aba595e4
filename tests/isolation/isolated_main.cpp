// main() of the tests that touch the kernel: they run in network and mount namespaces of their own, so that no bridge,
// rule, sysctl or mount of theirs reaches the host, and all of it is gone when the process ends.

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

bool bring_loopback_up() {
  const int sock = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sock < 0) return false;
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  const bool up = ::ioctl(sock, SIOCSIFFLAGS, &request) == 0;
  ::close(sock);
  return up;
}

bool isolate() {
  return ::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 && bring_loopback_up();
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // ctest lists the tests as whoever runs it; only running them needs root.
  if (!::testing::GTEST_FLAG(list_tests) && !isolate()) {
    std::fprintf(stderr, "these tests need root (namespaces): %s\n", std::strerror(errno));
    return 1;
  }
  return RUN_ALL_TESTS();
}
