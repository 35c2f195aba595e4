#include "commands/fake_daemon.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "parse/text.hpp"

namespace gantry::cli {

bool FakeConnection::read(Request& request) {
  const auto more = [this] {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size > 0) pending_.append(buffer.data(), static_cast<std::size_t>(size));
    return size > 0;
  };
  while (pending_.find("\r\n\r\n") == std::string::npos) {
    if (!more()) return false;
  }
  const std::size_t end = pending_.find("\r\n\r\n") + 4;
  request.head = pending_.substr(0, end);
  request.line = request.head.substr(0, request.head.find(" HTTP/1.1"));
  pending_.erase(0, end);
  std::size_t length = 0;
  if (const auto at = request.head.find("Content-Length: "); at != std::string::npos) {
    length = std::strtoul(request.head.c_str() + at + 16, nullptr, 10);
  }
  if (request.head.find("Transfer-Encoding: chunked") != std::string::npos) {
    // As it is, with the sizes. No test sends what looks like the end of it.
    const std::string last = "\r\n0\r\n\r\n";
    while (pending_.find(last) == std::string::npos) {
      if (!more()) return false;
    }
    length = pending_.find(last) + last.size();
  }
  while (pending_.size() < length) {
    if (!more()) return false;
  }
  request.body = pending_.substr(0, length);
  pending_.erase(0, length);
  return true;
}

void FakeConnection::write(const std::string& bytes) { ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }

void FakeConnection::respond(int status, const std::string& body, const std::string& headers) {
  write("HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body);
}

std::string FakeConnection::read_rest() {
  std::string rest = std::exchange(pending_, {});
  std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
    rest.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return rest;
}

void FakeConnection::signal(int number) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) ::kill(peer.pid, number);
}

FakeDaemon::FakeDaemon(Script script) : script_(std::move(script)) {
  directory_ = (std::filesystem::temp_directory_path() / "gantry-cli-XXXXXX").string();
  if (::mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = directory_ + "/daemon.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 16) != 0) {
    throw std::runtime_error("listen");
  }
  acceptor_ = std::thread([this] {
    for (int fd = 0; (fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  });
}

FakeDaemon::~FakeDaemon() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  noted_.notify_all();
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  std::filesystem::remove_all(directory_);
}

void FakeDaemon::serve(int fd) {
  FakeConnection connection(fd);
  FakeConnection::Request request;
  while (connection.read(request)) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request.line);
    }
    noted_.notify_all();
    script_(connection, request);
    if (request.head.find("Upgrade: tcp") != std::string::npos) return;
  }
}

std::vector<std::string> FakeDaemon::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool FakeDaemon::await(const std::string& prefix) {
  std::unique_lock lock(mutex_);
  const auto has_come = [&] {
    return std::ranges::any_of(requests_, [&](const std::string& line) { return line.starts_with(prefix); });
  };
  noted_.wait(lock, [&] { return over_ || has_come(); });
  return has_come();
}

namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The tester's own daemon and proxies are no matter of a test.
std::vector<std::string> neutral_environment() {
  std::vector<std::string> kept;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string variable = *each;
    const std::string name = lower(variable.substr(0, variable.find('=')));
    const bool is_own = name.starts_with("docker_") || name.starts_with("gantry_") || name.starts_with("buildkit_");
    if (!is_own && !name.ends_with("_proxy")) kept.push_back(variable);
  }
  return kept;
}

}  // namespace

Outcome run_program(const FakeDaemon& daemon, const std::vector<std::string>& arguments, const std::string& input) {
  std::string directory = (std::filesystem::temp_directory_path() / "gantry-run-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) throw std::runtime_error("mkdtemp");
  std::ofstream(directory + "/in") << input;
  std::vector<std::string> words{GANTRY_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string in = directory + "/in";
  const std::string out = directory + "/out";
  const std::string err = directory + "/err";
  std::vector<std::string> variables = neutral_environment();
  variables.push_back("GANTRY_HOST=" + daemon.address());
  variables.push_back("DOCKER_CONFIG=" + directory);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open(in.c_str(), O_RDONLY), STDIN_FILENO);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(out), content(err)};
  std::filesystem::remove_all(directory);
  return outcome;
}

}  // namespace gantry::cli
