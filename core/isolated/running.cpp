#include "isolated/running.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace gantry::isolated {
namespace {

constexpr std::size_t kMostIdle = 8;

}  // namespace

Connection Running::take() {
  {
    const std::scoped_lock guard{mutex_};
    if (!idle_.empty()) {
      Connection connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error{Errc::exhausted, std::string{"no connection to a driver: "} + std::strerror(errno)};
  }
  Connection connection;
  connection.socket = UniqueFd{ends[0]};
  const UniqueFd theirs{ends[1]};
  limit_waits(ends[0]);
  connection.cancel = UniqueFd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!connection.cancel) throw Error{Errc::exhausted, std::string{"eventfd: "} + std::strerror(errno)};
  try {
    const std::scoped_lock guard{sending_};
    send_frame(control(), FrameType::connection, {}, {}, {theirs.get(), connection.cancel.get()});
  } catch (const BrokenLink& broken) {
    throw NotSent{broken.what()};
  }
  return connection;
}

Json Running::ask(FrameType type, const Json& message, const Request& request, const Beside& beside) {
  Connection connection = take();
  const auto give_back = [&] {
    const std::scoped_lock guard{mutex_};
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(connection));
  };
  try {
    Json result = exchange(connection, type, message, request, beside);
    give_back();
    return result;
  } catch (const BrokenLink&) {
    throw;
  } catch (...) {
    give_back();
    throw;
  }
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
  {
    const std::scoped_lock guard{mutex_};
    idle_.clear();
  }
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
