#include "events/bus.hpp"

#include <algorithm>

#include "gantry/error.hpp"

namespace gantry::events {

namespace {

/// What it takes in memory, about.
std::size_t size_of(const Event& event) {
  constexpr std::size_t node = 2 * sizeof(std::string) + 4 * sizeof(void*);
  std::size_t size = sizeof event + event.type.size() + event.action.size() + event.actor.size();
  for (const auto& [name, value] : event.attributes) size += node + name.size() + value.size();
  return size;
}

}  // namespace

struct Subscription::State {
  Filter filter;
  Limits limits;
  std::deque<Bus::SharedEvent> queue;
  std::size_t bytes{};
  bool overrun{};
  bool closed{};
  std::shared_ptr<asio::steady_timer> waiting;  // whoever awaits `next`

  void wake() const {
    if (waiting) waiting->cancel();
  }

  void add(const Bus::SharedEvent& event, std::size_t size) {
    const bool full = queue.size() >= limits.queue || (!queue.empty() && bytes + size > limits.bytes);
    if (full) {
      overrun = true;
    } else {
      queue.push_back(event);
      bytes += size;
    }
    wake();
  }
};

Subscription::Subscription(Bus& bus, Filter filter) : state_(std::make_shared<State>()) {
  state_->filter = std::move(filter);
  state_->limits = bus.limits_;
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
  const Bus::SharedEvent event = std::move(state->queue.front());
  state->queue.pop_front();
  state->bytes -= size_of(*event);
  co_return *event;
}

Bus::Bus(Limits limits) : limits_(limits) {}

Bus::~Bus() { close(); }

void Bus::publish(Event event) {
  if (event.time == 0) event.time = now();
  const auto shared = std::make_shared<const Event>(std::move(event));
  const std::size_t size = size_of(*shared);
  for (const auto& listener : listeners_) {
    const auto state = listener.lock();
    if (!state || state->closed || state->overrun || (state->filter && !state->filter(*shared))) continue;
    state->add(shared, size);
  }
  history_.push_back(shared);
  history_bytes_ += size;
  while (history_.size() > limits_.history || history_bytes_ > limits_.bytes) {
    history_bytes_ -= size_of(*history_.front());
    history_.pop_front();
  }
}

std::vector<Event> Bus::history(Nanoseconds since, Nanoseconds until, const Filter& filter) const {
  std::vector<Event> out;
  for (const SharedEvent& event : history_) {
    if (event->time >= since && event->time <= until && (!filter || filter(*event))) out.push_back(*event);
  }
  return out;
}

std::unique_ptr<Subscription> Bus::subscribe(Filter filter) {
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  return std::unique_ptr<Subscription>{new Subscription{*this, std::move(filter)}};
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
