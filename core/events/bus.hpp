#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/time.hpp"

/// What happens in the daemon, for whoever listens (API operation SystemEvents).
namespace gantry::events {

struct Event {
  std::string type;    ///< "container", "image", "network", "volume", "plugin", "daemon".
  std::string action;  ///< "create", "exec_start: sh", ...
  std::string actor;   ///< The object's id (a volume's name).
  std::map<std::string, std::string> attributes;
  Nanoseconds time{};  ///< Filled in by the bus if 0.
};

/// Whether a subscriber wants an event.
using Filter = std::function<bool(const Event&)>;

class Bus;

/// One listener's bounded queue. Leaves the bus when destroyed.
class Subscription {
 public:
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  /// The next event; nothing after `close` or at the daemon's end. Errors: exhausted if this listener did not read and
  /// its queue ran over, in number or in bytes.
  awaitable<std::optional<Event>> next();

  /// Wakes `next` up for good.
  void close();

 private:
  friend class Bus;
  Subscription(Bus& bus, Filter filter);
  struct State;
  std::shared_ptr<State> state_;
};

/// How much is kept. Labels are their users' choice, so a number of events says nothing of their size.
struct Limits {
  std::size_t history = 1024;
  std::size_t queue = 4096;                  ///< Of each listener.
  std::size_t bytes = std::size_t{4} << 20;  ///< Of the history, and of each listener's queue.
};

/// Publishes events after the commit that they tell of, in order, and keeps the newest for `since`. Io thread only.
class Bus {
 public:
  explicit Bus(Limits limits = {});
  ~Bus();

  void publish(Event event);

  /// Kept events of [since, until] that match.
  [[nodiscard]] std::vector<Event> history(Nanoseconds since, Nanoseconds until, const Filter& filter) const;

  [[nodiscard]] std::unique_ptr<Subscription> subscribe(Filter filter);

  [[nodiscard]] std::size_t listeners() const;

  /// Ends all subscriptions.
  void close();

 private:
  friend class Subscription;
  using SharedEvent = std::shared_ptr<const Event>;  // one for the history and all queues

  Limits limits_;
  std::deque<SharedEvent> history_;
  std::size_t history_bytes_ = 0;
  std::vector<std::weak_ptr<Subscription::State>> listeners_;
};

}  // namespace gantry::events
