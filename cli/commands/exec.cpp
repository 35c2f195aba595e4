#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/attach_stream.hpp"
#include "commands/commands.hpp"
#include "parse/environment.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

struct ExecFlags {
  bool detach = false;
  bool interactive = false;
  bool privileged = false;
  bool tty = false;
  std::string detach_keys;
  std::string user;
  std::string workdir;
  std::vector<std::string> env;
  std::vector<std::string> env_files;

  void declare(Flags& flags) {
    flags.toggle("detach,d", detach, "Detached mode: run command in the background")
        .text("detach-keys", detach_keys, "Override the key sequence for detaching a container")
        .custom("env,e", "list", "Set environment variables",
                [this](const std::string& text) { env.push_back(parse_env(text)); })
        .list("env-file", env_files, "Read in a file of environment variables")
        .toggle("interactive,i", interactive, "Keep STDIN open even if not attached")
        .toggle("privileged", privileged, "Give extended privileges to the command")
        .toggle("tty,t", tty, "Allocate a pseudo-TTY")
        .text("user,u", user, "Username or UID (format: \"<name|uid>[:<group|gid>]\")")
        .text("workdir,w", workdir, "Working directory inside the container");
  }

  [[nodiscard]] Json create_body(const std::vector<std::string>& words) const {
    Json body = {{"User", user},
                 {"Privileged", privileged},
                 {"Tty", tty},
                 {"AttachStdin", interactive && !detach},
                 {"AttachStderr", !detach},
                 {"AttachStdout", !detach},
                 {"Detach", detach},
                 {"DetachKeys", detach_keys},
                 {"Env", read_key_values(env_files, env, "env", true)},
                 {"WorkingDir", workdir},
                 {"Cmd", std::vector<std::string>(words.begin() + 1, words.end())}};
    add_size(body);
    return body;
  }

  void add_size(Json& body) const {
    if (!tty || !is_terminal(STDOUT_FILENO)) return;
    const TerminalSize size = terminal_size(STDOUT_FILENO);
    body["ConsoleSize"] = {size.rows, size.columns};
  }
};

int exec_attached(Context& context, const ExecFlags& options, const std::string& id) {
  Client& client = context.client();
  Json body = {{"Detach", false}, {"Tty", options.tty}};
  options.add_size(body);
  Session session({options.tty, options.interactive, false, options.detach_keys});
  const auto stream = begin_hijack(client, "/exec/" + id + "/start", body.dump());
  client.finish(*stream);
  session.enter_raw_mode();
  ContainerControl control(client, "", "/exec/" + id);
  if (options.tty && is_terminal(STDOUT_FILENO)) control.resize(terminal_size(STDOUT_FILENO));
  const Session::End end = session.run(
      *stream, [&](TerminalSize size) { control.resize(size); }, [](int) {});
  if (end == Session::End::detached) return 0;
  if (end == Session::End::signalled) return 128 + session.number();
  const Json state = client.get("/exec/" + id + "/json");
  const auto code = state.find("ExitCode");
  return code != state.end() && code->is_number() ? code->get<int>() : 0;
}

}  // namespace

int container_exec(Context& context) {
  ExecFlags options;
  Flags flags;
  options.declare(flags);
  const auto words = context.parse(flags, Arity::at_least(2));
  if (options.tty && options.interactive && !options.detach && !is_terminal(STDIN_FILENO)) {
    throw Failure("the input device is not a TTY");
  }
  options.detach_keys = context.detach_keys(options.detach_keys);
  Json body;
  try {
    body = options.create_body(words);
  } catch (const InvalidValue& error) {
    throw Failure(error.what());
  }
  const Json created = context.client().post("/containers/" + escaped(words[0]) + "/exec", body);
  const std::string id = created.value("Id", "");
  if (id.empty()) throw Failure("exec ID empty");
  if (!options.detach) return exec_attached(context, options, id);
  context.client().post("/exec/" + id + "/start", Json{{"Detach", true}, {"Tty", options.tty}});
  return 0;
}

}  // namespace gantry::cli
