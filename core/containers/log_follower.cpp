#include "containers/log_follower.hpp"

#include <sys/inotify.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <optional>

#include "base/file.hpp"

namespace gantry::containers {

struct LogFollower::State {
  State(asio::any_io_executor executor, Workers& pool) : workers(pool), changes(std::move(executor)) {}

  Workers& workers;
  std::string path;
  LogRequest request;
  std::optional<LogReader> reader;
  std::shared_ptr<Service::Waiter> end;
  asio::posix::stream_descriptor changes;  ///< An inotify instance.
  std::array<char, 4096> events{};
  bool ended{};
  bool closed{};

  void watch() {
    const int instance = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (instance < 0) throw_errno("cannot follow " + path);
    changes.assign(instance);
    const std::string folder = std::filesystem::path(path).parent_path();
    if (::inotify_add_watch(instance, folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
      throw_errno("cannot follow " + folder);
    }
  }
};

LogFollower::LogFollower(asio::any_io_executor executor, Service& service, const std::string& name, LogRequest request)
    : state_(std::make_shared<State>(std::move(executor), service.workers())) {
  const auto container = service.find(name);
  if (container->log_path.empty()) {
    throw Error{Errc::unsupported, "configured logging driver does not support reading"};
  }
  state_->path = container->log_path;
  state_->request = request;
  state_->ended = !request.follow || !is_alive(container->state);
  if (state_->ended) return;
  // Before the first read: what comes in between is seen either by the read or as a change.
  state_->watch();
  state_->end = service.wait(container->id, WaitCondition::next_exit);
  state_->end->on_settled([weak = std::weak_ptr(state_)] {
    const auto state = weak.lock();
    if (!state) return;
    state->ended = true;
    boost::system::error_code ignored;
    state->changes.cancel(ignored);
  });
}

LogFollower::~LogFollower() {
  if (state_->end) state_->end->close();
}

void LogFollower::close() {
  state_->closed = true;
  boost::system::error_code ignored;
  state_->changes.cancel(ignored);
}

awaitable<std::vector<LogEntry>> LogFollower::next() {
  const auto state = state_;
  while (!state->closed) {
    // Read before the look at `ended`: what was written before the end is read after it.
    const bool last = state->ended;
    auto entries = co_await state->workers.run(Pool::quick, [&state] {
      if (!state->reader) state->reader.emplace(state->path, state->request);
      return state->reader->next();
    });
    if (!entries.empty()) co_return entries;
    if (last || state->reader->finished()) break;
    if (state->ended || state->closed) continue;
    boost::system::error_code woken;
    co_await state->changes.async_read_some(asio::buffer(state->events),
                                            asio::redirect_error(asio::use_awaitable, woken));
  }
  co_return std::vector<LogEntry>{};
}

}  // namespace gantry::containers
