#include "api/progress_stream.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "build/command_failed.hpp"

namespace gantry::api {
namespace {

bool is_bar(const wire::ProgressMessage& line) { return line.detail && line.detail->current > 0; }

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "internal error";
  }
}

/// Of a build's command.
int exit_code_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const build::CommandFailed& failure) {
    return failure.exit_code();
  } catch (...) {
    return 0;
  }
}

}  // namespace

void ProgressStream::take(const wire::ProgressMessage& line) {
  // A client that reads slowly gets the newest bar of a layer, not all of them.
  if (is_bar(line)) {
    for (auto& waiting : lines_) {
      if (is_bar(waiting.line) && waiting.line.id == line.id && waiting.line.status == line.status) {
        waiting.line = line;
        return;
      }
    }
  }
  Waiting waiting{line, nullptr};
  if (backlog_) waiting.held = backlog_->hold(sizeof waiting + line.stream.size() + line.aux.size());
  lines_.push_back(std::move(waiting));
  if (news_ != nullptr) news_->cancel();
}

awaitable<void> ProgressStream::send(wire::ProgressMessage line) {
  if (!started_) {
    started_ = true;
    co_await exchange_.start(200, "application/json");
  }
  const nlohmann::json text = line;
  co_await exchange_.write_json(text);
}

awaitable<void> ProgressStream::send_lines(const images::BackgroundTask& task) {
  for (;;) {
    while (!lines_.empty()) {
      Waiting next = std::move(lines_.front());
      lines_.pop_front();
      co_await send(std::move(next.line));
    }
    if (task.done()) co_return;
    news_->expires_at(asio::steady_timer::time_point::max());
    boost::system::error_code woken;
    co_await news_->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

awaitable<bool> ProgressStream::deliver(const images::BackgroundTask& task, bool watch_client) {
  using namespace asio::experimental::awaitable_operators;
  try {
    if (!watch_client) {
      co_await send_lines(task);
      co_return true;
    }
    const auto ended = co_await (send_lines(task) || exchange_.client_gone());
    co_return ended.index() == 0;
  } catch (const std::exception&) {
    co_return false;
  }
}

awaitable<Response> ProgressStream::run(Work work, bool watch_client, Failure failure) {
  const auto executor = co_await asio::this_coro::executor;
  news_ = std::make_unique<asio::steady_timer>(executor);
  const auto cancel = std::make_shared<plugins::CancelSource>();
  images::Report report = [this](const wire::ProgressMessage& line) { take(line); };
  const images::BackgroundTask task{executor, work(report, cancel), [this] { news_->cancel(); }};
  const bool delivered = co_await deliver(task, watch_client);
  if (!delivered) cancel->cancel();
  co_await task.wait();
  if (!delivered) throw Error{Errc::cancelled, "the client has gone away"};
  if (const auto error = task.error()) {
    if (!started_ && failure == Failure::as_answer) std::rethrow_exception(error);
    wire::ProgressMessage line;
    line.error = message_of(error);
    line.error_code = exit_code_of(error);
    co_await send(std::move(line));
  }
  if (!started_) co_await exchange_.start(200, "application/json");
  co_return Response::done();
}

}  // namespace gantry::api
