#include "shim/report.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gantry::native {

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

void ReportLine::wait(Signal expected) const {
  char signal = 0;
  ssize_t count = 0;
  do {
    count = ::recv(fd_, &signal, 1, 0);
  } while (count < 0 && errno == EINTR);
  if (count != 1 || signal != static_cast<char>(expected)) ::_exit(137);
}

void ReportLine::send_terminal(int master) const {
  char kind = static_cast<char>(Report::terminal);
  iovec piece{&kind, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &master, sizeof master);
  if (::sendmsg(fd_, &message, MSG_NOSIGNAL) < 0) fail_errno("send the terminal");
}

}  // namespace gantry::native
