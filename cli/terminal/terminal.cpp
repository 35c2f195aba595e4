#include "terminal/terminal.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gantry::cli {

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {0, 80};
  return {size.ws_row, size.ws_col};
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

RawMode::RawMode(int fd) : fd_(fd), before_(std::make_unique<termios>()) {
  if (::tcgetattr(fd, before_.get()) != 0) throw std::system_error(errno, std::generic_category(), "tcgetattr");
  termios raw = *before_;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSANOW, &raw) != 0) throw std::system_error(errno, std::generic_category(), "tcsetattr");
}

RawMode::~RawMode() { ::tcsetattr(fd_, TCSANOW, before_.get()); }

}  // namespace gantry::cli
