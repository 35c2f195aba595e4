#include "isolated/running.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace gantry::isolated {

Connection Running::connect() {
  SocketPair pair = make_socket_pair();
  Connection connection;
  connection.socket = std::move(pair.ours);
  connection.cancel = UniqueFd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!connection.cancel) throw Error{Errc::exhausted, std::string{"eventfd: "} + std::strerror(errno)};
  try {
    const std::scoped_lock guard{sending_};
    send_frame(control(), FrameType::connection, {}, {}, {pair.theirs.get(), connection.cancel.get()});
  } catch (const BrokenLink& broken) {
    throw NotSent{broken.what()};
  }
  return connection;
}

bool Running::take_line(const std::function<void(LogLevel, std::string_view)>& log) {
  try {
    Frame frame;
    if (!receive_frame(control(), frame)) return false;
    if (frame.type != FrameType::log) throw BrokenLink{"only lines of the log come here"};
    const Json line = unpack(frame.message);
    log(known_level(line.at(0).get<int>()), line.at(1).get<std::string>());
    return true;
  } catch (const std::exception&) {
    kill();
    return false;
  }
}

void Running::close() noexcept {
  connections_.clear();
  try {
    const std::scoped_lock guard{sending_};
    send_frame(control(), FrameType::close);
  } catch (const BrokenLink&) {
    // It has ended by itself.
  }
}

std::string Running::wait(std::chrono::milliseconds patience) {
  const std::scoped_lock guard{mutex_};
  if (!end_) end_ = process_.wait(patience);
  return *end_;
}

}  // namespace gantry::isolated
