#include "events/bus.hpp"

#include <algorithm>

#include "gantry/error.hpp"

namespace gantry::events {

struct Subscription::State {
  Filter filter;
  std::size_t limit{};
  std::deque<Event> queue;
  bool overrun{};
  bool closed{};
  std::shared_ptr<asio::steady_timer> waiting;  // whoever awaits `next`

  void wake() const {
    if (waiting) waiting->cancel();
  }
};

Subscription::Subscription(Bus& bus, Filter filter, std::size_t limit) : state_(std::make_shared<State>()) {
  state_->filter = std::move(filter);
  state_->limit = limit;
  bus.listeners_.push_back(state_);
}

Subscription::~Subscription() { close(); }

void Subscription::close() {
  state_->closed = true;
  state_->wake();
}

awaitable<std::optional<Event>> Subscription::next() {
  // The state outlives a subscription that is destroyed while someone waits.
  const std::shared_ptr<State> state = state_;
  while (state->queue.empty() && !state->closed && !state->overrun) {
    const auto timer =
        std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    state->waiting = timer;
    boost::system::error_code woken;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (state->waiting == timer) state->waiting.reset();
    const asio::cancellation_state raced = co_await asio::this_coro::cancellation_state;
    if (raced.cancelled() != asio::cancellation_type::none) {
      throw Error{Errc::cancelled, "no longer waiting for events"};
    }
  }
  if (state->queue.empty()) {
    if (state->overrun) throw Error{Errc::exhausted, "events were lost: this listener does not keep up"};
    co_return std::nullopt;
  }
  Event event = std::move(state->queue.front());
  state->queue.pop_front();
  co_return event;
}

Bus::Bus(std::size_t history_limit, std::size_t queue_limit)
    : history_limit_(history_limit), queue_limit_(queue_limit) {}

Bus::~Bus() { close(); }

void Bus::publish(Event event) {
  if (event.time == 0) event.time = now();
  for (const auto& listener : listeners_) {
    const auto state = listener.lock();
    if (!state || state->closed || state->overrun || (state->filter && !state->filter(event))) continue;
    if (state->queue.size() >= state->limit) {
      state->overrun = true;
    } else {
      state->queue.push_back(event);
    }
    state->wake();
  }
  history_.push_back(std::move(event));
  while (history_.size() > history_limit_) history_.pop_front();
}

std::vector<Event> Bus::history(Nanoseconds since, Nanoseconds until, const Filter& filter) const {
  std::vector<Event> out;
  for (const Event& event : history_) {
    if (event.time >= since && event.time <= until && (!filter || filter(event))) out.push_back(event);
  }
  return out;
}

std::unique_ptr<Subscription> Bus::subscribe(Filter filter) {
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  return std::unique_ptr<Subscription>{new Subscription{*this, std::move(filter), queue_limit_}};
}

std::size_t Bus::listeners() const {
  return static_cast<std::size_t>(std::count_if(listeners_.begin(), listeners_.end(), [](const auto& listener) {
    const auto state = listener.lock();
    return state && !state->closed;
  }));
}

void Bus::close() {
  for (const auto& listener : listeners_) {
    if (const auto state = listener.lock()) {
      state->closed = true;
      state->wake();
    }
  }
}

}  // namespace gantry::events
