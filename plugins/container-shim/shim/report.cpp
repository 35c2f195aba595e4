#include "shim/report.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "container_shim/message.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

std::string error_text(int error) {
  std::string text = ::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z' && (text.size() < 2 || text[1] > 'Z' || text[1] < 'A')) {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

Errc error_code(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
    case ENOEXEC:
      return Errc::invalid;
    case EACCES:
    case EPERM:
      return Errc::denied;
    case ENOSPC:
    case ENOMEM:
    case EAGAIN:
    case E2BIG:
      return Errc::exhausted;
    case ENOSYS:
    case ENODEV:
      return Errc::unsupported;
    default:
      return Errc::io;
  }
}

void ReportLine::fail(Errc code, std::string_view message) const {
  std::string report(1, static_cast<char>(Report::failure));
  report += static_cast<char>(code);
  report += message.substr(0, 4000);
  ::send(fd_, report.data(), report.size(), MSG_NOSIGNAL);
  ::_exit(127);
}

void ReportLine::fail_errno(std::string_view what) const { fail_errno(what, errno); }

void ReportLine::fail_errno(std::string_view what, int error) const {
  fail(error_code(error), std::string(what) + ": " + error_text(error));
}

std::vector<UniqueFd> ReportLine::wait(Signal expected) const {
  const auto is_expected = [&](const Message& message) { return message.bytes[0] == static_cast<char>(expected); };
  const auto kept = std::find_if(early_.begin(), early_.end(), is_expected);
  if (kept != early_.end()) {
    std::vector<UniqueFd> descriptors = std::move(kept->descriptors);
    early_.erase(kept);
    return descriptors;
  }
  for (;;) {
    Message message = receive_message(fd_, 4096);
    if (message.size < 0 && errno == EINTR) continue;
    if (message.size <= 0) ::_exit(137);
    if (is_expected(message)) return std::move(message.descriptors);
    if (message.bytes[0] == static_cast<char>(Report::failure)) {
      ::send(fd_, message.bytes.data(), message.bytes.size(), MSG_NOSIGNAL);
      ::_exit(127);
    }
    early_.push_back(std::move(message));
  }
}

void ReportLine::send_terminal(int master) const {
  const char kind = static_cast<char>(Report::terminal);
  if (!send_message(fd_, {&kind, 1}, {&master, 1})) fail_errno("send the terminal");
}

void ReportLine::send_child(pid_t pid, int pidfd) const {
  const std::string report = static_cast<char>(Report::child) + number(pid);
  if (!send_message(fd_, report, {&pidfd, 1})) fail_errno("tell of the process in the container");
}

}  // namespace gantry::container_shim
