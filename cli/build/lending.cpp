#include "build/lending.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command/failure.hpp"
#include "commands/attach_stream.hpp"
#include "gantry/base64.hpp"
#include "parse/text.hpp"

namespace gantry::cli {
namespace {

constexpr std::size_t kLargestSecret = std::size_t{500} << 10;

struct SecretFlag {
  std::string id, source, variable, type;
};

SecretFlag parse_secret(const std::string& text) {
  SecretFlag out;
  for (const std::string& field : csv_fields(text)) {
    const auto equals = field.find('=');
    if (equals == std::string::npos) throw Failure("invalid field '" + field + "' must be a key=value pair");
    const std::string key = field.substr(0, equals);
    const std::string value = field.substr(equals + 1);
    if (key == "type") {
      if (value != "file" && value != "env") throw Failure("unsupported secret type \"" + value + "\"");
      out.type = value;
    } else if (key == "id") {
      out.id = value;
    } else if (key == "source" || key == "src") {
      out.source = value;
    } else if (key == "env") {
      out.variable = value;
    } else {
      throw Failure("unexpected key '" + key + "' in '" + field + "'");
    }
  }
  if (out.id.empty()) throw Failure("secret missing \"id\": " + text);
  if (out.type == "env" && out.variable.empty()) out.variable = out.source.empty() ? out.id : out.source;
  return out;
}

std::string read_secret(const SecretFlag& flag) {
  std::string variable = flag.variable;
  if (variable.empty() && flag.source.empty() && std::getenv(flag.id.c_str()) != nullptr) variable = flag.id;
  if (!variable.empty()) {
    const char* value = std::getenv(variable.c_str());
    return value == nullptr ? std::string{} : std::string{value};
  }
  const std::string path = flag.source.empty() ? flag.id : flag.source;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    throw Failure("failed to stat " + path + ": " + std::strerror(errno));
  }
  if (status.st_size > static_cast<off_t>(kLargestSecret)) {
    throw Failure("secret " + flag.id + " too big. max size 500KB");
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  if (!file || !(out << file.rdbuf() || status.st_size == 0)) throw Failure("cannot read " + path);
  return out.str();
}

/// The agents' sockets by their names.
std::map<std::string, std::string> parse_agents(const std::vector<std::string>& flags) {
  std::map<std::string, std::string> out;
  for (const std::string& flag : flags) {
    const auto equals = flag.find('=');
    const char* usual = std::getenv("SSH_AUTH_SOCK");
    std::string socket = equals == std::string::npos ? (usual == nullptr ? "" : usual) : flag.substr(equals + 1);
    const std::string id = flag.substr(0, equals);
    if (socket.empty()) throw Failure("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
    struct stat status {};
    if (::stat(socket.c_str(), &status) != 0) throw Failure("failed to stat " + socket + ": " + std::strerror(errno));
    if (!S_ISSOCK(status.st_mode)) {
      throw Failure(socket + " is no SSH agent's socket: add the key to an agent with ssh-add, and name that");
    }
    if (!out.emplace(id.empty() ? "default" : id, socket).second) throw Failure("duplicate ssh agent \"" + id + "\"");
  }
  return out;
}

UniqueFd connect_agent(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Failure("the path of the SSH agent's socket is too long: " + path);
  path.copy(address.sun_path, path.size());
  UniqueFd out{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!out || ::connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Failure("cannot connect to the SSH agent at " + path + ": " + std::strerror(errno));
  }
  return out;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

/// One agent: what the daemon asks goes to it, its answers go back. Each waits for the other, so two threads copy.
struct Lending::Line {
  Line(std::unique_ptr<Exchange> to_daemon, UniqueFd to_agent)
      : exchange(std::move(to_daemon)),
        agent(std::move(to_agent)),
        questions([this] { ask(); }),
        answers([this] { answer(); }) {}
  ~Line() {
    ::shutdown(exchange->transport().fd(), SHUT_RDWR);
    ::shutdown(agent.get(), SHUT_RDWR);
    questions.join();
    answers.join();
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void ask() {
    std::array<char, 4096> buffer{};
    try {
      const std::string received = exchange->take_received();
      if (!send_all(agent.get(), received)) return;
      for (;;) {
        const std::size_t size = exchange->transport().read(buffer);
        if (size == 0 || !send_all(agent.get(), {buffer.data(), size})) return;
      }
    } catch (const std::exception&) {
      // The build is over.
    }
  }

  void answer() {
    std::array<char, 4096> buffer{};
    try {
      for (;;) {
        const ssize_t size = ::read(agent.get(), buffer.data(), buffer.size());
        if (size <= 0) return;
        exchange->transport().write({buffer.data(), static_cast<std::size_t>(size)});
      }
    } catch (const std::exception&) {
      // The build is over.
    }
  }

  std::unique_ptr<Exchange> exchange;
  UniqueFd agent;
  std::thread questions;
  std::thread answers;
};

Lending::Lending(Client& client, const std::vector<std::string>& secrets, const std::vector<std::string>& agents) {
  if (secrets.empty() && agents.empty()) return;
  Json body{{"Secrets", Json::object()}, {"Agents", Json::array()}};
  for (const std::string& text : secrets) {
    const SecretFlag flag = parse_secret(text);
    body["Secrets"][flag.id] = base64_encode(read_secret(flag));
  }
  const auto sockets = parse_agents(agents);
  for (const auto& [id, socket] : sockets) body["Agents"].push_back(id);
  session_ = client.post("/build/sessions", body).at("Id").get<std::string>();
  for (const auto& [id, socket] : sockets) {
    UniqueFd agent = connect_agent(socket);
    auto exchange = begin_hijack(client, "/build/sessions/" + session_ + "/agents/" + escaped(id));
    client.finish(*exchange);
    lines_.push_back(std::make_unique<Line>(std::move(exchange), std::move(agent)));
  }
}

Lending::~Lending() = default;

}  // namespace gantry::cli
