#pragma once

#include <boost/asio/use_future.hpp>
#include <future>

#include "build/session.hpp"
#include "gantry/error.hpp"

namespace gantry::build {

/// One that is under way. On the io thread.
class Session::Question {
 public:
  explicit Question(Session& session) : session_(session) {
    if (session_.over_) throw Error{Errc::cancelled, "the build is over"};
    ++session_.questions_;
  }
  ~Question() {
    if (--session_.questions_ == 0) session_.answered_.cancel();
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

 private:
  Session& session_;
};

template <class Result>
awaitable<Result> Session::asked(awaitable<Result> work) {
  const Question question{*this};
  co_return co_await std::move(work);
}

/// Waits on the driver's thread for what is done on the io thread.
template <class Result>
Result Session::on_io(awaitable<Result> work) {
  check();
  std::future<Result> result = asio::co_spawn(io_, asked(std::move(work)), asio::use_future);
  try {
    return result.get();
  } catch (const std::future_error&) {
    throw Error{Errc::cancelled, "the daemon ends"};
  }
}

}  // namespace gantry::build
