#include "containers/impl.hpp"

namespace gantry::containers {

awaitable<WaitResult> Service::Waiter::result() {
  timer_.expires_at(asio::steady_timer::time_point::max());
  while (!result_ && !closed_) {
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  if (!result_) throw Error{Errc::cancelled, "the wait was given up"};
  co_return *result_;
}

void Service::Waiter::close() {
  closed_ = true;
  then_ = nullptr;
  timer_.cancel();
}

void Service::Waiter::settle(WaitResult result) {
  result_ = std::move(result);
  timer_.cancel();
  if (const auto then = std::exchange(then_, nullptr)) then();
}

void Service::Impl::settle_waiters(const Container& container, bool ended, bool removed) {
  const auto found = lives.find(container.id);
  if (found == lives.end()) return;
  // What went wrong at a start is not the news of a removal.
  const WaitResult result{container.exit_code, removed ? std::string() : container.error};
  std::erase_if(found->second->waiters, [&](const std::shared_ptr<Waiter>& waiter) {
    if (waiter->closed_) return true;
    // As dockerd: also of a run after which there comes another one by policy.
    const bool due = removed || (ended && waiter->condition_ != WaitCondition::removed);
    if (due) waiter->settle(result);
    return due;
  });
}

std::shared_ptr<Service::Waiter> Service::wait(const std::string& name, WaitCondition condition) {
  const auto container = impl_->find(name);
  auto waiter = std::make_shared<Waiter>(impl_->executor);
  waiter->condition_ = condition;
  const State state = container->state;
  const bool at_rest =
      state == State::created || state == State::exited || state == State::dead || state == State::removing;
  if (condition == WaitCondition::not_running && at_rest) {
    waiter->settle({container->exit_code, container->error});
  } else {
    impl_->live(container->id)->waiters.push_back(waiter);
  }
  return waiter;
}

}  // namespace gantry::containers
