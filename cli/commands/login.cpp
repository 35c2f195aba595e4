#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "client/credentials.hpp"
#include "commands/commands.hpp"
#include "parse/text.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

namespace {

/// Does not show what is typed while it lives.
class HiddenInput {
 public:
  HiddenInput() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
  }
  ~HiddenInput() { ::tcsetattr(STDIN_FILENO, TCSANOW, &before_); }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

 private:
  termios before_{};
};

std::string ask(const std::string& question, bool hidden) {
  std::cout << question << std::flush;
  std::string answer;
  if (hidden) {
    const HiddenInput quiet;
    std::getline(std::cin, answer);
    std::cout << "\n";
  } else {
    std::getline(std::cin, answer);
  }
  return trimmed(answer);
}

std::string server_of(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "docker.io" || words[0] == "index.docker.io" || words[0] == "registry-1.docker.io") {
    return kHubServer;
  }
  std::string server = words[0];
  for (const char* scheme : {"https://", "http://"}) {
    if (starts_with(server, scheme)) server.erase(0, std::string_view(scheme).size());
  }
  return server.substr(0, server.find('/'));
}

void complete(Credentials& credentials, const Credentials& known) {
  if (!credentials.username.empty() && !credentials.password.empty()) return;
  if (!is_terminal(STDIN_FILENO)) throw Failure("Error: Cannot perform an interactive login from a non TTY device");
  if (credentials.username.empty()) {
    const std::string standard = known.username.empty() ? "" : " (" + known.username + ")";
    credentials.username = ask("Username" + standard + ": ", false);
    if (credentials.username.empty()) credentials.username = known.username;
    if (credentials.username.empty()) throw Failure("Error: Non-null Username Required");
  }
  if (credentials.password.empty()) credentials.password = ask("Password: ", true);
  if (credentials.password.empty()) throw Failure("Error: Password Required");
}

Json authenticate(Context& context, const Credentials& credentials) {
  return context.client().post("/auth", Json{{"username", credentials.username},
                                             {"password", credentials.password},
                                             {"identitytoken", credentials.identity_token},
                                             {"serveraddress", credentials.server}});
}

}  // namespace

int registry_login(Context& context) {
  bool from_stdin = false;
  Credentials credentials;
  Flags flags;
  flags.text("password,p", credentials.password, "Password or Personal Access Token (PAT)")
      .toggle("password-stdin", from_stdin, "Take the Password or Personal Access Token (PAT) from stdin")
      .text("username,u", credentials.username, "Username");
  const auto words = context.parse(flags, Arity::between(0, 1));
  if (flags.given("password") && from_stdin)
    throw Failure("conflicting options: cannot specify both --password and --password-stdin");
  if (from_stdin && credentials.username.empty())
    throw Failure("the --password-stdin option requires --username to be set");
  if (flags.given("password")) {
    std::fputs("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n", stderr);
  }
  if (from_stdin) {
    credentials.password.assign(std::istreambuf_iterator<char>(std::cin), {});
    while (!credentials.password.empty() &&
           (credentials.password.back() == '\n' || credentials.password.back() == '\r')) {
      credentials.password.pop_back();
    }
  }
  credentials.server = server_of(words);
  const Credentials known = find_credentials(context.config(), credentials.server);
  if (credentials.username.empty() && credentials.password.empty() && !known.empty()) {
    try {
      std::fprintf(stderr,
                   "Authenticating with existing credentials... [Username: %s]\n\n"
                   " Info -> To login with a different account, run 'gantry logout' followed by 'gantry login'\n\n\n",
                   known.username.c_str());
      authenticate(context, known);
      std::printf("Login Succeeded\n");
      return 0;
    } catch (const DaemonError& error) {
      std::fprintf(stderr, "Login did not succeed, error: %s\n", error.what());
    }
  }
  complete(credentials, known);
  const Json answer = authenticate(context, credentials);
  const std::string token = answer.is_object() ? answer.value("IdentityToken", "") : "";
  if (!token.empty()) {
    credentials.identity_token = token;
    credentials.password.clear();
  }
  bool in_helper = false;
  store_credentials(context.config(), credentials, in_helper);
  if (!in_helper) {
    std::fprintf(stderr,
                 "\nWARNING! Your credentials are stored unencrypted in '%s'.\nConfigure a credential helper to remove "
                 "this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n",
                 context.config().path().c_str());
  }
  const std::string status = answer.is_object() ? answer.value("Status", "") : "";
  std::printf("%s\n", status.empty() ? "Login Succeeded" : status.c_str());
  return 0;
}

int registry_logout(Context& context) {
  Flags flags;
  const auto words = context.parse(flags, Arity::between(0, 1));
  const std::string server = server_of(words);
  std::printf("Removing login credentials for %s\n", server.c_str());
  erase_credentials(context.config(), server);
  return 0;
}

}  // namespace gantry::cli
