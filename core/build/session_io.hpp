#pragma once

#include <boost/asio/use_future.hpp>
#include <future>

#include "build/session.hpp"
#include "gantry/error.hpp"

namespace gantry::build {

/// Waits on the driver's thread for what is done on the io thread.
template <class Result>
Result Session::on_io(awaitable<Result> work) {
  check();
  std::future<Result> result = asio::co_spawn(io_, std::move(work), asio::use_future);
  try {
    return result.get();
  } catch (const std::future_error&) {
    throw Error{Errc::cancelled, "the daemon ends"};
  }
}

}  // namespace gantry::build
