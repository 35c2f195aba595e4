#include "isolated/command_output.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "isolated/frame.hpp"

namespace gantry::isolated {
namespace {

// Docker's attached streams: which of the two, three zeros, the length; then so many bytes.
constexpr std::size_t kHeader = 8;
constexpr char kError = 2;
/// As the daemon gives them to a driver of its own.
constexpr std::size_t kPiece = std::size_t{32} << 10;

std::size_t length_in(std::string_view header) {
  std::size_t length = 0;
  for (const char byte : header.substr(4, 4)) length = length << 8 | static_cast<unsigned char>(byte);
  return length;
}

}  // namespace

CommandOutput::CommandOutput(builder::v1::Output& output) : output_(output) {
  beside_.ready = [this] { return read_some(MSG_DONTWAIT); };
}

void CommandOutput::take(UniqueFd socket) noexcept {
  socket_ = std::move(socket);
  beside_.fd = socket_.get();
}

/// False at the end.
bool CommandOutput::read_some(int flags) noexcept {
  try {
    const std::size_t known = held_.size();
    held_.resize(known + kPiece);
    const ssize_t got = ::recv(socket_.get(), held_.data() + known, kPiece, flags);
    const int error = errno;
    held_.resize(known + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return error == EINTR || error == EAGAIN;
    show_whole_pieces();
    return got > 0;
  } catch (...) {
    failure_ = std::current_exception();
    // The command does not wait for somebody who reads no more.
    socket_.reset();
    return false;
  }
}

void CommandOutput::show_whole_pieces() {
  std::string_view rest{held_};
  for (;;) {
    const std::size_t wanted = left_ == 0 ? kHeader : std::min(left_, kPiece);
    if (rest.size() < wanted) break;
    const std::string_view piece = rest.substr(0, wanted);
    rest.remove_prefix(wanted);
    if (left_ == 0) {
      is_error_ = piece.front() == kError;
      left_ = length_in(piece);
    } else {
      left_ -= wanted;
      output_.write(piece, is_error_);
    }
  }
  held_.erase(0, held_.size() - rest.size());
}

void CommandOutput::finish() {
  // The command's end is the socket's.
  do {
    if (socket_) await_frame(socket_.get());
  } while (socket_ && read_some(MSG_DONTWAIT));
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace gantry::isolated
