#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command/output.hpp"
#include "commands/commands.hpp"
#include "commands/list_flags.hpp"
#include "commands/usage.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kStatsTable =
    "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

const ColumnHeads kStatsHeads{{"Container", "CONTAINER"},
                              {"ID", "CONTAINER ID"},
                              {"Name", "NAME"},
                              {"CPUPerc", "CPU %"},
                              {"MemUsage", "MEM USAGE / LIMIT"},
                              {"MemPerc", "MEM %"},
                              {"NetIO", "NET I/O"},
                              {"BlockIO", "BLOCK I/O"},
                              {"PIDs", "PIDS"}};

/// One container whose usage streams in.
struct Watched {
  std::string name;
  std::unique_ptr<Exchange> exchange;
  std::string pending;
  Json row;
};

/// Takes whole lines off the front of what has come.
template <class Take>
void take_lines(std::string& pending, Take take) {
  for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
    take(Json::parse(pending.substr(0, end), nullptr, false));
    pending.erase(0, end + 1);
  }
}

class LiveStats {
 public:
  LiveStats(Context& context, ListStyle style, bool truncate)
      : context_(context), style_(std::move(style)), truncate_(truncate) {}

  void watch(const std::string& name) {
    for (const Watched& each : watched_) {
      if (each.name == name) return;
    }
    auto exchange = context_.client().begin("GET", "/containers/" + escaped(name) + "/stats?stream=1");
    context_.client().finish(*exchange);
    watched_.push_back({name, std::move(exchange), "", unknown_usage_row(name)});
  }

  void follow_events(std::unique_ptr<Exchange> events) { events_ = std::move(events); }

  int run() {
    while (!watched_.empty() || events_) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
      for (auto left = std::chrono::milliseconds(500); left.count() > 0;
           left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now())) {
        receive(static_cast<int>(left.count()));
      }
      draw();
    }
    return 0;
  }

 private:
  void receive(int timeout) {
    std::vector<pollfd> polled;
    for (const Watched& each : watched_) polled.push_back({each.exchange->transport().fd(), POLLIN, 0});
    if (events_) polled.push_back({events_->transport().fd(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), timeout) <= 0) return;
    std::vector<std::string> ended;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
      if (polled[i].revents != 0 && !receive(watched_[i])) ended.push_back(watched_[i].name);
    }
    const bool news = events_ && polled.back().revents != 0;
    std::erase_if(watched_,
                  [&](const Watched& each) { return std::find(ended.begin(), ended.end(), each.name) != ended.end(); });
    if (news) receive_events();
  }

  bool receive(Watched& watched) {
    std::array<char, 16384> buffer;
    const std::size_t size = watched.exchange->read_body(std::span<char>(buffer));
    if (size == 0) return false;
    watched.pending.append(buffer.data(), size);
    take_lines(watched.pending, [&](const Json& stats) {
      if (stats.is_object()) watched.row = usage_row(stats, watched.name, truncate_);
    });
    return true;
  }

  void receive_events() {
    std::array<char, 16384> buffer;
    const std::size_t size = events_->read_body(std::span<char>(buffer));
    if (size == 0) {
      events_.reset();
      return;
    }
    events_pending_.append(buffer.data(), size);
    take_lines(events_pending_, [&](const Json& event) {
      if (!event.is_object()) return;
      const std::string id = event.value("Actor", Json::object()).value("ID", "");
      const std::string action = event.value("Action", "");
      if (action == "start") watch(id);
      if (action == "die") std::erase_if(watched_, [&](const Watched& each) { return each.name == id; });
    });
  }

  void draw() {
    std::vector<Json> rows;
    for (const Watched& each : watched_) rows.push_back(each.row);
    const std::string text = render(style_, rows);
    const bool table = style_.format.empty() || style_.format.rfind("table", 0) == 0;
    if (!table) {
      write_output(STDOUT_FILENO, text);
      return;
    }
    // Home, each line to its end, and what is left below: a screen that is cleared first would flicker.
    std::string out = "\x1b[H";
    for (const char c : text) out += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    write_output(STDOUT_FILENO, out + "\x1b[J");
  }

  Context& context_;
  ListStyle style_;
  bool truncate_;
  std::vector<Watched> watched_;
  std::unique_ptr<Exchange> events_;
  std::string events_pending_;
};

std::vector<std::string> running_containers(Context& context, bool all) {
  std::vector<std::string> ids;
  for (const Json& each : context.client().get(all ? "/containers/json?all=1" : "/containers/json")) {
    ids.push_back(each.value("Id", ""));
  }
  return ids;
}

// All are asked at once, since each answer takes the daemon one or two measurements.
int show_once(Context& context, const std::vector<std::string>& names, const ListStyle& style, bool truncate) {
  std::vector<std::unique_ptr<Exchange>> exchanges;
  for (const std::string& name : names) {
    exchanges.push_back(context.client().begin("GET", "/containers/" + escaped(name) + "/stats?stream=0"));
  }
  std::vector<Json> rows;
  std::string failures;
  for (std::size_t i = 0; i < names.size(); ++i) {
    try {
      context.client().finish(*exchanges[i]);
      const Json stats = Json::parse(exchanges[i]->read_body(), nullptr, false);
      rows.push_back(stats.is_object() ? usage_row(stats, names[i], truncate) : unknown_usage_row(names[i]));
    } catch (const DaemonError& error) {
      failures += std::string(failures.empty() ? "" : "\n") + error.what();
    }
  }
  if (!failures.empty()) throw Failure(failures);
  const std::string text = render(style, rows);
  print_text(text);
  return 0;
}

}  // namespace

int container_stats(Context& context) {
  bool all = false;
  bool once = false;
  bool full = false;
  ListFlags list;
  Flags flags;
  flags.toggle("all,a", all, "Show all containers (default shows just running)")
      .toggle("no-stream", once, "Disable streaming stats and only pull the first result")
      .toggle("no-trunc", full, "Do not truncate output");
  list.declare_format(flags);
  const auto given = context.parse(flags, Arity::at_least(0));
  if (list.format.empty()) list.format = context.config().text("statsFormat");
  const ListStyle style{list.format, kStatsTable, kStatsHeads, "*container.statsContext"};
  const auto names = given.empty() ? running_containers(context, all) : given;
  if (!given.empty())
    context.client().call("GET", "/_ping");  // settles the version before requests go out side by side
  if (once) return show_once(context, names, style, !full);
  LiveStats live(context, style, !full);
  if (given.empty()) {
    auto events = context.client().begin("GET", "/events?filters=%7B%22type%22%3A%7B%22container%22%3Atrue%7D%7D");
    context.client().finish(*events);
    live.follow_events(std::move(events));
  }
  for (const std::string& name : names) live.watch(name);
  return live.run();
}

}  // namespace gantry::cli
