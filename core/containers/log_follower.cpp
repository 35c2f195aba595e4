#include "containers/log_follower.hpp"

#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "base/folder_changes.hpp"
#include "containers/logging.hpp"

namespace gantry::containers {

namespace {

using log::v1::Entry;

/// How often a log is looked at where the system cannot tell of changes.
constexpr std::chrono::milliseconds kLookInterval{250};

/// What one look at the log brings.
struct LookResult {
  std::vector<Entry> entries;
  bool finished{};
};

/// The driver's side: its calls come one after another, from whichever worker.
struct LogReading {
  LogSource source;
  LogRequest request;
  std::unique_ptr<log::v1::Cursor> cursor;  // behind the driver, whose code destroys it

  void open(log::v1::Driver& logs, const Call& call) {
    if (cursor) return;
    auto* reader = static_cast<log::v1::Reader*>(logs.query(log::v1::Reader::kAbility));
    if (reader == nullptr) throw Error{Errc::unsupported, kNoLogReader};
    cursor = reader->read(source.subject, source.options, request, call);
  }
};

}  // namespace

struct LogFollower::State {
  State(asio::any_io_executor executor, Service& service)
      : drivers(service.drivers()), changes(service.log_changes()), changed_or_over(std::move(executor)) {}

  plugins::Drivers& drivers;
  std::shared_ptr<FolderChanges> changes;
  std::shared_ptr<LogReading> reading = std::make_shared<LogReading>();
  std::shared_ptr<Service::Waiter> end;
  std::unique_ptr<FolderChanges::Watch> watch;
  asio::steady_timer changed_or_over;
  bool watching{};
  bool changed{};
  bool ended{};
  bool closed{};

  void wake() { changed_or_over.cancel(); }

  void watch_folders(const std::vector<std::string>& folders) {
    watching = true;
    watch = changes->watch(folders, [this] {
      changed = true;
      wake();
    });
  }

  awaitable<void> change() {
    if (changed) co_return;
    if (watch) {
      changed_or_over.expires_at(asio::steady_timer::time_point::max());
    } else {
      changed_or_over.expires_after(kLookInterval);
    }
    boost::system::error_code woken;
    co_await changed_or_over.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  awaitable<LookResult> look() {
    plugins::CallSettings call_settings;
    const auto ask = [what = reading](auto& logs, const Call& call) {
      LookResult out;
      what->open(logs, call);
      what->cursor->next(out.entries, call);
      out.finished = what->cursor->finished();
      return out;
    };
    co_return co_await drivers.call(reading->source.driver, Pool::quick, call_settings, ask);
  }

  awaitable<std::vector<std::string>> folders() {
    plugins::CallSettings call_settings;
    const auto ask = [what = reading](auto& logs, const Call& call) {
      std::vector<std::string> out;
      what->open(logs, call);
      what->cursor->watched(out);
      return out;
    };
    co_return co_await drivers.call(reading->source.driver, Pool::quick, call_settings, ask);
  }
};

LogFollower::LogFollower(asio::any_io_executor executor, Service& service, const std::string& name,
                         const LogRequest& request)
    : state_(std::make_shared<State>(std::move(executor), service)) {
  const auto container = service.find(name);
  const auto source = service.log_source(*container);
  if (!source) throw Error{Errc::unsupported, kNoLogReader};
  LogReading& reading = *state_->reading;
  reading.source = *source;
  reading.request = request;
  state_->ended = !request.follow || !is_alive(container->state);
  if (state_->ended) return;
  state_->end = service.wait(container->id, WaitCondition::next_exit);
  state_->end->on_settled([weak = std::weak_ptr(state_)] {
    const auto state = weak.lock();
    if (!state) return;
    state->ended = true;
    state->wake();
  });
}

LogFollower::~LogFollower() {
  if (state_->end) state_->end->close();
  state_->watch.reset();
}

void LogFollower::close() {
  state_->closed = true;
  state_->wake();
}

awaitable<std::vector<log::v1::Entry>> LogFollower::next() {
  const auto state = state_;
  // Before the first read: what comes in between is seen either by the read or as a change.
  if (!state->ended && !state->watching) {
    const auto folders = co_await state->folders();
    state->watch_folders(folders);
  }
  while (!state->closed) {
    // Read before the look at `ended`: what was written before the end is read after it.
    const bool last = state->ended;
    state->changed = false;
    LookResult found = co_await state->look();
    if (!found.entries.empty()) co_return std::move(found.entries);
    if (last || found.finished) break;
    if (state->ended || state->closed) continue;
    co_await state->change();
  }
  co_return std::vector<log::v1::Entry>{};
}

}  // namespace gantry::containers
