#pragma once

#include <list>

#include "base/async.hpp"

namespace gantry::api {

/// Lets coroutines of the io thread wait until something changes; they then look for themselves. A cancelled wait
/// returns too.
class Wakeup {
 public:
  awaitable<void> wait() {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor, asio::steady_timer::time_point::max()};
    const auto place = waiting_.insert(waiting_.end(), &timer);
    struct Leave {
      std::list<asio::steady_timer*>& waiting;
      std::list<asio::steady_timer*>::iterator place;
      ~Leave() { waiting.erase(place); }
    } const leave{waiting_, place};
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  void notify() {
    for (asio::steady_timer* timer : waiting_) timer->cancel();
  }

 private:
  std::list<asio::steady_timer*> waiting_;
};

}  // namespace gantry::api
