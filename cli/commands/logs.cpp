#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "parse/quantity.hpp"
#include "terminal/session.hpp"
#include "terminal/stdcopy.hpp"

namespace gantry::cli {

namespace {

std::string time_parameter(const std::string& text, const char* flag) {
  if (text.empty()) return "";
  try {
    return parse_timestamp(text, now_nanoseconds());
  } catch (const InvalidValue& error) {
    throw Failure(std::string("invalid value for \"") + flag + "\": " + error.what());
  }
}

}  // namespace

int container_logs(Context& context) {
  bool clear = false;
  bool details = false;
  bool follow = false;
  bool timestamps = false;
  std::string since;
  std::string until;
  std::string tail = "all";
  Flags flags;
  flags.toggle("clear", clear, "Forget what was logged so far instead of showing it")
      .toggle("details", details, "Show extra details provided to logs")
      .toggle("follow,f", follow, "Follow log output")
      .text("since", since,
            "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)")
      .text("tail,n", tail, "Number of lines to show from the end of the logs")
      .toggle("timestamps,t", timestamps, "Show timestamps")
      .text("until", until,
            "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)");
  const auto names = context.parse(flags, Arity::exactly(1));
  if (clear) {
    context.client().call("DELETE", "/containers/" + escaped(names[0]) + "/logs");
    return 0;
  }
  Query query;
  query.add_if(details, "details").add_if(follow, "follow");
  const std::string since_time = time_parameter(since, "since");
  const std::string until_time = time_parameter(until, "until");
  query.add_if(!since_time.empty(), "since", since_time);
  query.add("stderr", "1").add("stdout", "1").add("tail", tail).add_if(timestamps, "timestamps");
  query.add_if(!until_time.empty(), "until", until_time);
  const auto exchange = context.client().stream("GET", "/containers/" + escaped(names[0]) + "/logs" + query.text());
  const bool multiplexed = exchange->header("Content-Type") != "application/vnd.docker.raw-stream";
  Demultiplexer demultiplexer([](int stream, std::string_view bytes) {
    if (stream == 3) throw Failure("error from daemon in stream: " + std::string(bytes));
    write_output(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, bytes);
  });
  std::array<char, 32768> buffer;
  while (const std::size_t size = exchange->read_body(std::span<char>(buffer))) {
    const std::string_view bytes(buffer.data(), size);
    if (multiplexed) {
      demultiplexer.feed(bytes);
    } else {
      write_output(STDOUT_FILENO, bytes);
    }
  }
  return 0;
}

}  // namespace gantry::cli
