#include "forward.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <thread>

#include "gantry/error.hpp"

namespace gantry::fluentd {

namespace {

constexpr time_t kAnswerSeconds = 10;

bool has_hung_up(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace

void Forward::connect() {
  socket_ = settings_.path.empty() ? log_servers::dial("tcp", settings_.server)
                                   : log_servers::dial_unix("unix", settings_.path, SOCK_STREAM);
  const timeval limit{kAnswerSeconds, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void Forward::send(const Message& message) {
  for (std::uint64_t attempt = 0;; ++attempt) {
    std::string why = "fluent#send: the server does not answer";
    try {
      if (try_send(message)) return;
    } catch (const Error& error) {
      why = error.what();
    }
    socket_.reset();
    if (giving_up_ || attempt >= settings_.max_retries) throw Error{Errc::unavailable, why};
    wait(attempt);
  }
}

bool Forward::try_send(const Message& message) {
  // What is written into a connection that the server has closed is lost without a word.
  if (!socket_ || has_hung_up(socket_.get())) connect();
  return log_servers::send_whole(socket_.get(), message.bytes) && (message.chunk.empty() || is_answered(message.chunk));
}

/// {"ack": chunk}
bool Forward::is_answered(const std::string& chunk) const {
  std::string answer;
  while (answer.find(chunk) == std::string::npos) {
    std::array<char, 256> block{};
    const ssize_t got = ::recv(socket_.get(), block.data(), block.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    answer.append(block.data(), static_cast<std::size_t>(got));
  }
  return true;
}

/// One and a half times as long each time, a minute at most, as dockerd does.
void Forward::wait(std::uint64_t attempt) const {
  constexpr double kGrowth = 1.5;
  constexpr double kLongest = 60'000;
  const double milliseconds = std::min(
      static_cast<double>(settings_.retry_wait.count()) * std::pow(kGrowth, static_cast<double>(attempt)), kLongest);
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds{std::llround(std::max(milliseconds, 0.0))};
  constexpr std::chrono::milliseconds kStep{100};
  while (!giving_up_ && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kStep);
}

}  // namespace gantry::fluentd
