#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/attach_stream.hpp"
#include "commands/commands.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

int start_attached(Context& context, const std::string& name, bool interactive, const std::string& detach_keys) {
  Client& client = context.client();
  const Json container = client.get("/containers/" + escaped(name) + "/json");
  const std::string id = container["Id"];
  const Json& config = container["Config"];
  const bool tty = config.value("Tty", false);
  const bool input = interactive && config.value("OpenStdin", false);
  if (tty && input && !is_terminal(STDIN_FILENO)) throw Failure("the input device is not a TTY");
  Session session({tty, input, !tty, detach_keys});
  Query query;
  query.add_if(!detach_keys.empty(), "detachKeys", detach_keys).add_if(input, "stdin");
  query.add("stdout", "1").add("stderr", "1").add("stream", "1");
  const auto attached = begin_hijack(client, "/containers/" + id + "/attach" + query.text());
  const bool removed = container["HostConfig"].value("AutoRemove", false);
  const auto waiting =
      client.begin("POST", "/containers/" + id + "/wait?condition=" + (removed ? "removed" : "next-exit"));
  client.finish(*attached);
  client.finish(*waiting);
  if (const int number = session.asked_to_end(); number != 0) return 128 + number;
  client.post("/containers/" + id + "/start");
  session.enter_raw_mode();
  ContainerControl control(client, id);
  if (tty && is_terminal(STDOUT_FILENO)) control.resize(terminal_size(STDOUT_FILENO));
  const Session::End end = session.run(
      *attached, [&](TerminalSize size) { control.resize(size); }, [&](int number) { control.signal(number); });
  if (end == Session::End::detached) return 0;
  if (end == Session::End::signalled) return 128 + session.number();
  return read_exit_status(*waiting);
}

}  // namespace

int container_start(Context& context) {
  bool attach = false;
  bool interactive = false;
  std::string detach_keys;
  std::string checkpoint;
  std::string checkpoint_dir;
  Flags flags;
  flags.toggle("attach,a", attach, "Attach STDOUT/STDERR and forward signals")
      .text("checkpoint", checkpoint, "Restore from this checkpoint")
      .hidden()
      .text("checkpoint-dir", checkpoint_dir, "Use a custom checkpoint storage directory")
      .hidden()
      .text("detach-keys", detach_keys, "Override the key sequence for detaching a container")
      .toggle("interactive,i", interactive, "Attach container's STDIN");
  const auto names = context.parse(flags, Arity::at_least(1));
  for (const char* flag : {"checkpoint", "checkpoint-dir"}) {
    if (!flags.given(flag)) continue;
    throw Failure(std::string("\"--") + flag +
                  "\" is only supported on a Docker daemon with experimental features enabled");
  }
  if (attach || interactive) {
    if (names.size() > 1) throw Failure("you cannot start and attach multiple containers at once");
    return start_attached(context, names[0], interactive, context.detach_keys(detach_keys));
  }
  std::string failed;
  for (const std::string& name : names) {
    try {
      context.client().post("/containers/" + escaped(name) + "/start");
      std::printf("%s\n", name.c_str());
      std::fflush(stdout);
    } catch (const DaemonError& error) {
      std::fprintf(stderr, "%s\n", error.what());
      failed += (failed.empty() ? "" : ", ") + name;
    }
  }
  if (!failed.empty()) throw Failure("Error: failed to start containers: " + failed);
  return 0;
}

int container_attach(Context& context) {
  bool no_stdin = false;
  bool proxy = true;
  std::string detach_keys;
  Flags flags;
  flags.text("detach-keys", detach_keys, "Override the key sequence for detaching a container")
      .toggle("no-stdin", no_stdin, "Do not attach STDIN")
      .toggle("sig-proxy", proxy, "Proxy all received signals to the process");
  const auto names = context.parse(flags, Arity::exactly(1));
  detach_keys = context.detach_keys(detach_keys);
  Client& client = context.client();
  const Json container = client.get("/containers/" + escaped(names[0]) + "/json");
  const Json& state = container["State"];
  if (!state.value("Running", false)) throw Failure("You cannot attach to a stopped container, start it first");
  if (state.value("Paused", false)) throw Failure("You cannot attach to a paused container, unpause it first");
  if (state.value("Restarting", false)) {
    throw Failure("You cannot attach to a restarting container, wait until it is running");
  }
  const std::string id = container["Id"];
  const bool tty = container["Config"].value("Tty", false);
  const bool input = !no_stdin && container["Config"].value("OpenStdin", false);
  if (tty && input && !is_terminal(STDIN_FILENO)) throw Failure("the input device is not a TTY");
  Session session({tty, input, proxy && !tty, detach_keys});
  Query query;
  query.add_if(!detach_keys.empty(), "detachKeys", detach_keys).add_if(input, "stdin");
  query.add("stdout", "1").add("stderr", "1").add("stream", "1");
  const auto attached = begin_hijack(client, "/containers/" + id + "/attach" + query.text());
  const auto waiting = client.begin("POST", "/containers/" + id + "/wait?condition=not-running");
  client.finish(*attached);
  client.finish(*waiting);
  session.enter_raw_mode();
  ContainerControl control(client, id);
  if (tty && is_terminal(STDOUT_FILENO)) {
    // A size that changes makes a shell draw its prompt again, so that the user sees that it is there.
    const TerminalSize size = terminal_size(STDOUT_FILENO);
    control.resize({size.rows + 1, size.columns + 1});
    control.resize(size);
  }
  const Session::End end = session.run(
      *attached, [&](TerminalSize size) { control.resize(size); }, [&](int number) { control.signal(number); });
  if (end == Session::End::detached) {
    std::fprintf(stderr, "read escape sequence\r\n");
    return 0;
  }
  if (end == Session::End::signalled) return 128 + session.number();
  return read_exit_status(*waiting);
}

}  // namespace gantry::cli
