#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands/attach_stream.hpp"
#include "commands/commands.hpp"
#include "commands/create.hpp"
#include "parse/text.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

// What a shell would answer for a command that it cannot find or run.
int failure_code(std::string_view message) {
  const auto says = [&](std::string_view text) { return message.find(text) != std::string_view::npos; };
  if (says("executable file not found") || says("no such file or directory") || says("system cannot find the file")) {
    return 127;
  }
  if (says("permission denied") || says("is a directory")) return 126;
  return 125;
}

struct RunOptions {
  bool detach = false;
  bool proxy = true;
  std::string detach_keys;
};

int run_attached(Context& context, const ContainerFlags& container, const RunOptions& options, const std::string& id,
                 std::optional<Interruption>& interruption) {
  Client& client = context.client();
  Session session({container.tty, container.attaches("stdin"), options.proxy, options.detach_keys});
  interruption.reset();  // the session has taken over
  if (const int number = Interruption::number(); number != 0) session.hold(number);
  Query query;
  query.add_if(!options.detach_keys.empty(), "detachKeys", options.detach_keys);
  for (const char* stream : {"stdin", "stdout", "stderr"}) query.add_if(container.attaches(stream), stream);
  query.add("stream", "1");
  // Both are under way at once; the start follows only when both are known to be in place, so nothing is missed.
  const auto attached = begin_hijack(client, "/containers/" + id + "/attach" + query.text());
  const auto waiting = client.begin(
      "POST", "/containers/" + id + "/wait?condition=" + (container.auto_remove ? "removed" : "next-exit"));
  client.finish(*attached);
  client.finish(*waiting);
  if (const int number = session.asked_to_end(); number != 0) {
    // Not what the container is to be told: it does not run, and would not listen yet if it did.
    if (container.auto_remove) client.call("DELETE", "/containers/" + id + "?v=1");
    return 128 + number;
  }
  try {
    client.post("/containers/" + id + "/start");
  } catch (const DaemonError&) {
    if (container.auto_remove) waiting->read_body();
    throw;
  }
  session.enter_raw_mode();
  ContainerControl control(client, id);
  if (container.tty && is_terminal(STDOUT_FILENO)) control.resize(terminal_size(STDOUT_FILENO));
  const Session::End end = session.run(
      *attached, [&](TerminalSize size) { control.resize(size); }, [&](int number) { control.signal(number); });
  if (end == Session::End::detached) return 0;
  if (end == Session::End::signalled) return 128 + session.number();
  return read_exit_status(*waiting);
}

int run_container(Context& context, const Flags& flags, ContainerFlags& container, const RunOptions& options,
                  const std::vector<std::string>& words) {
  Json body = container.build(flags, words);
  if (options.detach) {
    if (container.any_attach()) throw Failure("conflicting options: cannot specify both --attach and --detach");
    for (const char* key : {"AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce"}) body[key] = false;
  } else if (container.tty && container.attaches("stdin") && !is_terminal(STDIN_FILENO)) {
    throw Failure("the input device is not a TTY");
  }
  if (container.tty && is_terminal(STDOUT_FILENO)) {
    const TerminalSize size = terminal_size(STDOUT_FILENO);
    body["HostConfig"]["ConsoleSize"] = {size.rows, size.columns};
  }
  const bool attached = body["AttachStdin"] || body["AttachStdout"] || body["AttachStderr"];
  std::optional<Interruption> interruption;
  if (attached) interruption.emplace();
  std::string id;
  try {
    id = create_container(context, container, body, interruption ? &*interruption : nullptr);
  } catch (const Failure& failure) {
    throw context.failure_with_hint(failure.what(), failure_code(failure.what()));
  }
  if (attached) return run_attached(context, container, options, id, interruption);
  // Before the start, as docker does: a container that could not start is there, and to be removed.
  std::printf("%s\n", id.c_str());
  std::fflush(stdout);
  context.client().post("/containers/" + id + "/start");
  return 0;
}

}  // namespace

int container_run(Context& context) {
  ContainerFlags container;
  RunOptions options;
  Flags flags;
  flags.toggle("detach,d", options.detach, "Run container in background and print container ID")
      .toggle("sig-proxy", options.proxy, "Proxy received signals to the process")
      .text("pull", container.pull, R"(Pull image before running ("always", "missing", "never"))")
      .text("detach-keys", options.detach_keys, "Override the key sequence for detaching a container");
  container.declare(flags);
  const auto words = context.parse(flags, Arity::at_least(1));
  check_pull_policy(context, container.pull);
  options.detach_keys = context.detach_keys(options.detach_keys);
  container.complete(context);
  try {
    return run_container(context, flags, container, options, words);
  } catch (const InvalidValue& error) {
    throw context.failure_with_hint(error.what(), 125);
  } catch (const DaemonError& error) {
    throw context.failure_with_hint(error.what(), failure_code(error.what()));
  }
}

}  // namespace gantry::cli
