#pragma once

#include <cstddef>
#include <memory>

struct termios;

namespace gantry::cli {

struct TerminalSize {
  unsigned rows = 0;
  unsigned columns = 0;
};

/// Of the terminal behind `fd`; zero by 80 if it is none.
TerminalSize terminal_size(int fd);
bool is_terminal(int fd);

/// Keeps a terminal in raw mode for as long as it lives.
class RawMode {
 public:
  explicit RawMode(int fd);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  int fd_;
  std::unique_ptr<termios> before_;
};

}  // namespace gantry::cli
