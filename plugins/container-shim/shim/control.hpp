#pragma once

#include <list>
#include <string>

#include "shim/container.hpp"
#include "shim/loop.hpp"

namespace gantry::container_shim {

/// Hears the daemon's requests: on the socket that it gave the shim at birth, and on those that it opens later.
class Control {
 public:
  Control(Loop& loop, Container& container, UniqueFd owner);

  /// Listens in the present directory. 0, or errno.
  int listen();

 private:
  void accept_one();
  void serve(int connection, bool is_owner);
  void drop(int connection);

  Loop& loop_;
  Container& container_;
  UniqueFd listener_;
  std::list<UniqueFd> connections_;
};

}  // namespace gantry::container_shim
