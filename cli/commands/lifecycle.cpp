#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/each.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

int stop_or_restart(Context& context, const char* verb) {
  std::string signal;
  std::int64_t timeout = 0;
  std::int64_t old_timeout = 0;
  Flags flags;
  flags.text("signal,s", signal, "Signal to send to the container")
      .integer("timeout,t", timeout, "Seconds to wait before killing the container")
      .integer("time", old_timeout, "Seconds to wait before killing the container")
      .deprecated("use --timeout instead")
      .hidden();
  const auto names = context.parse(flags, Arity::at_least(1));
  Query query;
  query.add_if(!signal.empty(), "signal", signal);
  if (flags.given("timeout") && flags.given("time")) {
    throw Failure("conflicting options: cannot specify both --timeout and --time");
  }
  if (flags.given("time")) timeout = old_timeout;
  query.add_if(flags.given("timeout") || flags.given("time"), "t", std::to_string(timeout));
  const auto path = [&](const std::string& name) { return "/containers/" + escaped(name) + "/" + verb + query.text(); };
  // As docker: a restart waits for the one before it.
  if (std::string_view(verb) == "restart") {
    return for_each_name(names, [&](const std::string& name) { context.client().post(path(name)); });
  }
  return ask_for_each_name(context.client(), "POST", names, path);
}

int post_each(Context& context, const char* verb) {
  Flags flags;
  const auto names = context.parse(flags, Arity::at_least(1));
  return ask_for_each_name(context.client(), "POST", names,
                           [&](const std::string& name) { return "/containers/" + escaped(name) + "/" + verb; });
}

}  // namespace

int container_stop(Context& context) { return stop_or_restart(context, "stop"); }
int container_restart(Context& context) { return stop_or_restart(context, "restart"); }
int container_pause(Context& context) { return post_each(context, "pause"); }
int container_unpause(Context& context) { return post_each(context, "unpause"); }

int container_kill(Context& context) {
  std::string signal;
  Flags flags;
  flags.text("signal,s", signal, "Signal to send to the container");
  const auto names = context.parse(flags, Arity::at_least(1));
  Query query;
  query.add_if(!signal.empty(), "signal", signal);
  return ask_for_each_name(context.client(), "POST", names, [&](const std::string& name) {
    return "/containers/" + escaped(name) + "/kill" + query.text();
  });
}

int container_rename(Context& context) {
  Flags flags;
  const auto names = context.parse(flags, Arity::exactly(2));
  if (trimmed(names[0]).empty() || trimmed(names[1]).empty()) {
    throw Failure("Error: Neither old nor new names may be empty");
  }
  try {
    context.client().post("/containers/" + escaped(names[0]) + "/rename" + Query().add("name", names[1]).text());
  } catch (const DaemonError& error) {
    throw Failure(std::string(error.what()) + "\nError: failed to rename container named " + names[0]);
  }
  return 0;
}

int container_wait(Context& context) {
  Flags flags;
  const auto names = context.parse(flags, Arity::at_least(1));
  return for_each_name(
      names,
      [&](const std::string& name) {
        const Json answer =
            Json::parse(context.client().post("/containers/" + escaped(name) + "/wait?condition=not-running"));
        std::printf("%lld\n", answer.value("StatusCode", 0LL));
        std::fflush(stdout);
      },
      true);
}

int container_rm(Context& context) {
  bool force = false;
  bool link = false;
  bool volumes = false;
  Flags flags;
  flags.toggle("force,f", force, "Force the removal of a running container (uses SIGKILL)")
      .toggle("link,l", link, "Remove the specified link")
      .toggle("volumes,v", volumes, "Remove anonymous volumes associated with the container");
  const auto names = context.parse(flags, Arity::at_least(1));
  Query query;
  query.add_if(volumes, "v").add_if(link, "link").add_if(force, "force");
  const auto without_slashes = [](const std::string& name) {
    return name.substr(std::min(name.find_first_not_of('/'), name.size()));
  };
  for (const std::string& name : names) {
    if (without_slashes(name).empty()) throw Failure("invalid container name: " + name);
  }
  return ask_for_each_name(
      context.client(), "DELETE", names,
      [&](const std::string& name) { return "/containers/" + escaped(without_slashes(name)) + query.text(); },
      [&](const DaemonError& error) { return force && error.status() == 404; });
}

}  // namespace gantry::cli
