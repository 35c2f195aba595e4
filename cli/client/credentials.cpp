#include "client/credentials.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/failure.hpp"
#include "gantry/base64.hpp"
#include "gantry/unique_fd.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

struct HelperAnswer {
  int status = 0;
  std::string output;
};

// Runs docker-credential-NAME VERB, which reads its request from stdin and answers on stdout.
HelperAnswer run_helper(const std::string& name, const char* verb, const std::string& request) {
  const std::string program = "docker-credential-" + name;
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0) throw Failure("pipe");
  UniqueFd to_read{to[0]};
  UniqueFd to_write{to[1]};
  if (::pipe2(from.data(), O_CLOEXEC) != 0) throw Failure("pipe");
  UniqueFd from_read{from[0]};
  UniqueFd from_write{from[1]};
  const pid_t child = ::fork();
  if (child < 0) throw Failure("fork");
  if (child == 0) {
    ::dup2(to_read.get(), STDIN_FILENO);
    ::dup2(from_write.get(), STDOUT_FILENO);
    ::execlp(program.c_str(), program.c_str(), verb, nullptr);
    ::_exit(127);
  }
  to_read.reset();
  from_write.reset();
  std::signal(SIGPIPE, SIG_IGN);
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t size = ::write(to_write.get(), rest.data(), rest.size());
    if (size <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(size));
  }
  to_write.reset();
  HelperAnswer answer;
  std::array<char, 4096> buffer;
  for (ssize_t size = 0; (size = ::read(from_read.get(), buffer.data(), buffer.size())) > 0;) {
    answer.output.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::waitpid(child, &answer.status, 0);
  return answer;
}

std::string helper_for(const ConfigFile& config, const std::string& server) {
  const Json& json = config.json();
  const auto helpers = json.find("credHelpers");
  if (helpers != json.end() && helpers->is_object() && helpers->contains(server)) {
    return (*helpers)[server].get<std::string>();
  }
  return config.text("credsStore");
}

// "https://host/v1/" and "host" mean the same registry.
std::string host_of(std::string server) {
  for (const char* scheme : {"https://", "http://"}) {
    if (starts_with(server, scheme)) server.erase(0, std::string_view(scheme).size());
  }
  return server.substr(0, server.find('/'));
}

std::string find_key(const Json& accounts, const std::string& server) {
  if (accounts.contains(server)) return server;
  for (const auto& item : accounts.items()) {
    if (host_of(item.key()) == host_of(server)) return item.key();
  }
  return "";
}

std::optional<Credentials> from_helper(const std::string& helper, const std::string& server) {
  const HelperAnswer answer = run_helper(helper, "get", server);
  const Json json = Json::parse(answer.output, nullptr, false);
  if (answer.status != 0 || !json.is_object()) return std::nullopt;
  Credentials found{json.value("Username", ""), json.value("Secret", ""), "", server};
  if (found.username == "<token>") {
    found.identity_token = found.password;
    found.username.clear();
    found.password.clear();
  }
  return found;
}

}  // namespace

std::string server_key(const std::string& domain) {
  return domain == "docker.io" || domain == "index.docker.io" ? kHubServer : domain;
}

Credentials find_credentials(const ConfigFile& config, const std::string& server) {
  if (const std::string helper = helper_for(config, server); !helper.empty()) {
    if (auto found = from_helper(helper, server)) return *found;
  }
  const Json accounts = config.json().value("auths", Json::object());
  const std::string key = find_key(accounts, server);
  if (key.empty() || !accounts[key].is_object()) return {"", "", "", server};
  const Json& account = accounts[key];
  Credentials found{account.value("username", ""), account.value("password", ""), account.value("identitytoken", ""),
                    server};
  if (const auto decoded = base64_decode(account.value("auth", "")); decoded && !decoded->empty()) {
    if (const auto pair = cut(*decoded, ':')) {
      found.username = pair->first;
      found.password = pair->second;
      while (!found.password.empty() && found.password.back() == '\0') found.password.pop_back();
    }
  }
  return found;
}

void store_credentials(ConfigFile& config, const Credentials& credentials, bool& stored_in_helper) {
  const std::string helper = helper_for(config, credentials.server);
  stored_in_helper = !helper.empty();
  Json& accounts = config.json()["auths"];
  if (accounts.is_null()) accounts = Json::object();
  if (stored_in_helper) {
    const bool token = !credentials.identity_token.empty();
    const Json request = {{"ServerURL", credentials.server},
                          {"Username", token ? "<token>" : credentials.username},
                          {"Secret", token ? credentials.identity_token : credentials.password}};
    const HelperAnswer answer = run_helper(helper, "store", request.dump());
    if (answer.status != 0) {
      throw Failure("error storing credentials - err: exit status " + std::to_string(WEXITSTATUS(answer.status)) +
                    ", out: `" + trimmed(answer.output) + "`");
    }
    accounts[credentials.server] = Json::object();
  } else {
    Json account = {{"auth", base64_encode(credentials.username + ":" + credentials.password)}};
    if (!credentials.identity_token.empty()) account["identitytoken"] = credentials.identity_token;
    accounts[credentials.server] = account;
  }
  config.save();
}

void erase_credentials(ConfigFile& config, const std::string& server) {
  if (const std::string helper = helper_for(config, server); !helper.empty()) run_helper(helper, "erase", server);
  Json& json = config.json();
  if (!json.contains("auths")) return;
  const std::string key = find_key(json["auths"], server);
  if (key.empty()) return;
  json["auths"].erase(key);
  config.save();
}

std::string registry_auth_header(const Credentials& credentials) {
  Json json = Json::object();
  if (!credentials.username.empty()) json["username"] = credentials.username;
  if (!credentials.password.empty()) json["password"] = credentials.password;
  if (!credentials.identity_token.empty()) json["identitytoken"] = credentials.identity_token;
  if (!credentials.empty()) json["serveraddress"] = credentials.server;
  return base64_encode(json.dump(), kBase64Url);
}

std::string registry_config_header(const ConfigFile& config) {
  Json all = Json::object();
  const auto accounts = config.json().find("auths");
  if (accounts != config.json().end() && accounts->is_object()) {
    for (const auto& [server, account] : accounts->items()) {
      const Credentials found = find_credentials(config, server);
      if (found.empty()) continue;
      all[server] = {{"username", found.username}, {"password", found.password}, {"serveraddress", server}};
      if (!found.identity_token.empty()) all[server]["identitytoken"] = found.identity_token;
    }
  }
  return base64_encode(all.dump(), kBase64Url);
}

}  // namespace gantry::cli
