#include "api/listen.hpp"

#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/file.hpp"
#include "gantry/error.hpp"

namespace gantry::api {

namespace {

constexpr int kBacklog = 1024;
constexpr int kFirstSystemdFd = 3;  // sd_listen_fds(3)

UniqueFd open_socket(int family) {
  UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) throw_errno("cannot open a socket");
  return fd;
}

bool answers(const sockaddr_un& address) {
  const UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  return fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// As dockerd does, in the file and nowhere else: getgrnam(3) would keep the libraries of all name services in memory.
std::optional<gid_t> group_id(const std::string& name) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file{std::fopen("/etc/group", "re"), close};
  while (const ::group* entry = file ? ::fgetgrent(file.get()) : nullptr) {
    if (name == entry->gr_name) return entry->gr_gid;
  }
  gid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && end == name.data() + name.size()) return number;
  return {};
}

/// There need not be the group that is the default.
gid_t socket_group(const std::string& name) {
  if (name.empty()) return 0;
  const auto id = group_id(name);
  if (!id && name != "docker") throw Error{Errc::invalid, "group " + name + " not found"};
  return id.value_or(0);
}

void give_to_group(const std::string& path, const std::string& group) {
  if (::chown(path.c_str(), 0, socket_group(group)) != 0 && ::geteuid() == 0) {
    throw_errno("cannot change the owner of " + path);
  }
  if (::chmod(path.c_str(), 0660) != 0) throw_errno("cannot change the mode of " + path);
}

Listener listen_unix(const std::string& path, const ListenSettings& settings) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path.starts_with('/') || path.size() >= sizeof(address.sun_path)) {
    throw Error{Errc::invalid, "invalid bind address (unix://" + path + "): an absolute path of at most " +
                                   std::to_string(sizeof(address.sun_path) - 1) + " characters is needed"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path());
  // What a killed daemon left is replaced; a socket that somebody serves is not.
  if (answers(address)) throw Error{Errc::conflict, "another daemon listens on unix://" + path};
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) throw Error{Errc::conflict, path + " exists and is no socket"};
    ::unlink(path.c_str());
  }
  UniqueFd fd = open_socket(AF_UNIX);
  const mode_t old_mask = ::umask(0177);  // nobody may connect before the owner is set
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ::umask(old_mask);
  if (bound != 0) throw_errno("cannot listen on unix://" + path);
  Listener listener{std::move(fd), "unix://" + path, path};
  give_to_group(path, settings.group);
  if (::listen(listener.fd(), kBacklog) != 0) throw_errno("cannot listen on unix://" + path);
  return listener;
}

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList resolve(const std::string& address, std::string host, const std::string& port) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found)) {
    throw Error{Errc::invalid, "invalid bind address (" + address + "): " + ::gai_strerror(failed)};
  }
  return {found, &::freeaddrinfo};
}

Listener listen_tcp(const std::string& address, const ListenSettings& settings) {
  if (!settings.tls && !settings.plain_tcp) {
    throw Error{Errc::invalid,
                "refusing to serve the API on " + address +
                    " without TLS, since whoever reaches it is root on this host: give --tlsverify with --tlscacert, "
                    "--tlscert and --tlskey, or --tls=false to serve it in plain text"};
  }
  const std::string rest = address.substr(std::string_view{"tcp://"}.size());
  const auto colon = rest.rfind(':');
  std::string port = settings.tls ? "2376" : "2375";
  std::string host = rest;
  if (colon != std::string::npos && rest.find(']', colon) == std::string::npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
  }
  const AddressList found = resolve(address, host, port);
  UniqueFd fd = open_socket(found->ai_family);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    throw_errno("cannot listen on " + address);
  }
  Listener listener{std::move(fd), address};
  listener.tls = settings.tls;
  return listener;
}

int environment_number(const char* name) {
  const char* text = std::getenv(name);
  int value = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), value);
  return value;
}

Listener take_systemd_socket(int fd, const std::string& address, const ListenSettings& settings) {
  int family = 0;
  socklen_t size = sizeof(family);
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
    throw Error{Errc::invalid, address + ": descriptor " + std::to_string(fd) + " is no socket"};
  }
  if (family != AF_UNIX && !settings.tls && !settings.plain_tcp) {
    throw Error{Errc::invalid, "refusing to serve the API on " + address + " (a tcp socket of systemd) without TLS"};
  }
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  Listener listener{UniqueFd{fd}, address};
  if (family != AF_UNIX) listener.tls = settings.tls;
  return listener;
}

// sd_listen_fds(3): sockets from descriptor 3 on, for this process only.
std::vector<Listener> listen_systemd(const std::string& address, const ListenSettings& settings) {
  const int count = environment_number("LISTEN_PID") == ::getpid() ? environment_number("LISTEN_FDS") : 0;
  if (count <= 0) {
    throw Error{Errc::invalid, "no sockets found via socket activation: make sure the service was started by systemd"};
  }
  const std::string wanted = address.substr(std::string_view{"fd://"}.size());
  std::vector<Listener> out;
  for (int fd = kFirstSystemdFd; fd < kFirstSystemdFd + count; ++fd) {
    if (!wanted.empty() && wanted != "*" && wanted != std::to_string(fd)) continue;
    out.push_back(take_systemd_socket(fd, address, settings));
  }
  if (out.empty()) throw Error{Errc::invalid, "no such socket of systemd: " + address};
  return out;
}

}  // namespace

Listener::Listener(UniqueFd fd, std::string address, std::string file)
    : fd_(std::move(fd)), address_(std::move(address)), file_(std::move(file)) {}

Listener::~Listener() {
  if (fd_ && !file_.empty()) ::unlink(file_.c_str());
}

std::vector<Listener> open_listeners(const std::string& address, const ListenSettings& settings) {
  std::vector<Listener> out;
  if (address.starts_with("unix://")) {
    out.push_back(listen_unix(address.substr(std::string_view{"unix://"}.size()), settings));
  } else if (address.starts_with("tcp://")) {
    out.push_back(listen_tcp(address, settings));
  } else if (address.starts_with("fd://")) {
    out = listen_systemd(address, settings);
  } else {
    throw Error{Errc::invalid,
                "invalid bind address (" + address + "): unix:///path, tcp://host:port or fd:// is needed"};
  }
  return out;
}

}  // namespace gantry::api
