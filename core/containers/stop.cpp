#include <algorithm>
#include <charconv>
#include <csignal>

#include "containers/impl.hpp"
#include "containers/validate.hpp"

namespace gantry::containers {

namespace {

// As dockerd: a number that is no signal of this system is told apart from a word that is none.
int parse_signal_to_send(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool numeric = error == std::errc{} && end == text.data() + text.size();
  if (!numeric || number == 0) return parse_signal(text);
  // The two below SIGRTMIN are the C library's.
  const bool known = number > 0 && number <= SIGRTMAX && (number < __SIGRTMIN || number >= SIGRTMIN);
  if (!known) throw Error{Errc::invalid, "the linux daemon does not support signal " + std::to_string(number)};
  return number;
}

}  // namespace

awaitable<void> Service::Impl::send_signal(std::string id, int signal) {
  const auto container = table.find(id);
  if (!container || !is_alive(container->state)) co_return;
  plugins::CallSettings call_settings;
  try {
    const auto ask_to_signal = [id, signal](auto& driver, const Call& call) { driver.signal(id, "", signal, call); };
    co_await at.drivers.call(runtime_of(*container), Pool::quick, call_settings, ask_to_signal);
  } catch (const Error& error) {
    // It has just ended: the watcher will tell.
    if (error.code() != Errc::not_found && error.code() != Errc::conflict) throw;
  }
}

// Whether the container ended within `limit`; a negative one waits for ever.
awaitable<bool> Service::Impl::wait_for_exit(std::string id, std::chrono::milliseconds limit) {
  const auto container = table.find(id);
  if (!container || !is_alive(container->state)) co_return true;
  auto waiter = std::make_shared<Waiter>(executor);
  waiter->condition_ = WaitCondition::next_exit;
  live(id)->waiters.push_back(waiter);
  waiter->timer_.expires_at(limit.count() < 0 ? asio::steady_timer::time_point::max()
                                              : asio::steady_timer::clock_type::now() + limit);
  while (!waiter->result_) {
    boost::system::error_code woken;
    co_await waiter->timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (!woken) break;  // the time is up
  }
  waiter->closed_ = true;
  co_return waiter->result_.has_value();
}

awaitable<void> Service::Impl::resume(Held& held) {
  const std::string id = held.container->id;
  plugins::CallSettings call_settings;
  const auto ask_to_resume = [id](auto& driver, const Call& call) { driver.resume(id, call); };
  co_await at.drivers.call(runtime_of(*held.container), Pool::quick, call_settings, ask_to_resume);
  held.container = change(id, [](Container& record) {
    if (record.state == State::paused) record.move_to(State::running);
    record.pausing = false;
  });
  start_health(id);
}

awaitable<bool> Service::Impl::stop(std::string id, StopRequest request) {
  const auto container = table.find(id);
  int signal = stop_signal(container->config);
  const std::int64_t seconds =
      request.timeout ? *request.timeout
                      : std::clamp<std::int64_t>(container->config.stop_timeout.value_or(settings.stop_timeout.count()),
                                                 -1, 1'000'000'000);
  {
    Held held = co_await hold(id);
    const bool waits = held.container->state == State::restarting;
    if (!waits && !is_alive(held.container->state)) co_return false;
    if (!request.signal.empty()) signal = parse_signal(request.signal);
    if (waits) {
      give_up_restart(held);
      publish("stop", *held.container);
      co_return true;
    }
    held.live->restart_cancelled = true;
    held.container = change(id, [](Container& record) { record.stopped_by_user = true; });
    if (held.container->state == State::paused) {
      // A frozen process handles no signal.
      co_await resume(held);
    }
  }
  // Not under the mutex: the watcher needs it to put the end on record.
  publish("kill", *container, {{"signal", std::to_string(signal)}});
  co_await send_signal(id, signal);
  const auto limit =
      seconds < 0 ? std::chrono::milliseconds{-1} : std::chrono::milliseconds{std::chrono::seconds{seconds}};
  if (!co_await wait_for_exit(id, limit)) {
    publish("kill", *container, {{"signal", std::to_string(SIGKILL)}});
    co_await send_signal(id, SIGKILL);
    co_await wait_for_exit(id, std::chrono::milliseconds{-1});
  }
  publish("stop", *container);
  co_return true;
}

awaitable<bool> Service::stop(std::string name, StopRequest request) {
  const std::string id = impl_->find(name)->id;
  try {
    co_return co_await impl_->stop(id, std::move(request));
  } catch (const Error& error) {
    throw Error{error.code(), "cannot stop container: " + name + ": " + error.what()};
  }
}

awaitable<void> Service::restart(std::string name, StopRequest request) {
  const std::string id = impl_->find(name)->id;
  try {
    co_await impl_->restart(id, std::move(request));
  } catch (const Error& error) {
    throw Error{error.code(), "Cannot restart container " + name + ": " + error.what()};
  }
}

awaitable<void> Service::Impl::restart(std::string id, StopRequest request) {
  // As dockerd: --rm does not take it away in between.
  std::optional<UnderWay> between{std::in_place, live(id), &Live::restarts};
  co_await stop(id, std::move(request));
  Held held = co_await hold(id);
  between.reset();
  co_await start(held, Starter::user);
  publish("restart", *held.container);
}

namespace {

// dockerd: any signal is taken for the user's wish to end it, unless the container names another as its stop signal.
bool ends_the_run(const Container& container, int signal) {
  return signal == SIGKILL || container.config.stop_signal.empty() || signal == stop_signal(container.config);
}

}  // namespace

awaitable<void> Service::kill(std::string name, std::string signal) {
  int number = SIGKILL;
  std::shared_ptr<const Container> container;
  try {
    if (!signal.empty()) number = parse_signal_to_send(signal);
    container = impl_->find(name);
  } catch (const Error& error) {
    throw Error{error.code(), "cannot kill container: " + name + ": " + error.what()};
  }
  const std::string id = container->id;
  bool resume = false;
  {
    Held held = co_await impl_->hold(id);
    if (held.container->state == State::restarting) {
      impl_->give_up_restart(held);
      co_return;
    }
    if (!is_alive(held.container->state)) {
      throw Error{Errc::conflict, "cannot kill container: " + name + ": container " + id + " is not running"};
    }
    const bool last_run = ends_the_run(*held.container, number);
    if (last_run) held.live->restart_cancelled = true;
    held.container = impl_->change(id, [](Container& record) { record.stopped_by_user = true; });
    resume = last_run && held.container->state == State::paused;
  }
  co_await impl_->send_signal(id, number);
  if (resume) {
    Held held = co_await impl_->hold(id);
    if (held.container->state == State::paused) co_await impl_->resume(held);
  }
  impl_->publish("kill", *container, {{"signal", std::to_string(number)}});
  if (number == SIGKILL) co_await impl_->wait_for_exit(id, std::chrono::seconds{10});
}

}  // namespace gantry::containers
