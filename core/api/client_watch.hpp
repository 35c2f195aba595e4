#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "api/exchange.hpp"

namespace gantry::api {

/// Calls `gone` when the client goes away while an answer is still to come. `stop` is awaited before the exchange ends.
class ClientWatch {
 public:
  /// `leaving`: Exchange::client_gone or Upgraded::gone.
  ClientWatch(asio::any_io_executor executor, awaitable<void> leaving, std::function<void()> gone)
      : shared_(std::make_shared<Shared>(executor)) {
    asio::co_spawn(executor, std::move(leaving),
                   asio::bind_cancellation_slot(shared_->cancel.slot(),
                                                [shared = shared_, gone = std::move(gone)](std::exception_ptr) {
                                                  shared->ended = true;
                                                  shared->done.cancel();
                                                  if (!shared->stopped) gone();
                                                }));
  }
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;

  awaitable<void> stop() {
    const auto shared = shared_;
    shared->stopped = true;
    if (!shared->ended) shared->cancel.emit(asio::cancellation_type::terminal);
    while (!shared->ended) {
      boost::system::error_code woken;
      co_await shared->done.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  }

 private:
  struct Shared {
    explicit Shared(asio::any_io_executor executor)
        : done(std::move(executor), asio::steady_timer::time_point::max()) {}
    asio::cancellation_signal cancel;
    asio::steady_timer done;
    bool ended{};
    bool stopped{};
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace gantry::api
