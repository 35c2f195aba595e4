#include "shim/console.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "shim/system.hpp"

namespace gantry::container_shim {

UniqueFd open_terminal(int root, const PlanProcess& process, const ReportLine& line) {
  const UniqueFd master(openat2_in_root(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY));
  struct statfs facts {};
  if (!master || ::fstatfs(master.get(), &facts) < 0) line.fail_errno("open /dev/pts/ptmx");
  if (facts.f_type != DEVPTS_SUPER_MAGIC) line.fail(Errc::invalid, "/dev/pts of the container is no devpts filesystem");
  int unlocked = 0;
  UniqueFd slave;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlocked) == 0) {
    slave.reset(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  if (!slave) line.fail_errno("open the terminal");
  if (process.rows != 0 || process.columns != 0) {
    winsize size{};
    size.ws_row = process.rows;
    size.ws_col = process.columns;
    ::ioctl(master.get(), TIOCSWINSZ, &size);
  }
  line.send_terminal(master.get());
  return slave;
}

void take_terminal(UniqueFd slave, const ReportLine& line) {
  if (::ioctl(slave.get(), TIOCSCTTY, 0) < 0) line.fail_errno("take the terminal");
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(slave.get(), fd) < 0) line.fail_errno("take the terminal");
  }
}

}  // namespace gantry::container_shim
