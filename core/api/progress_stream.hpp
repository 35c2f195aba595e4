#pragma once

#include <deque>
#include <functional>

#include "api/exchange.hpp"
#include "build/backlog.hpp"
#include "images/background_task.hpp"
#include "images/service.hpp"
#include "wire/image.hpp"

namespace gantry::api {

/// The answer of a long operation: a JSON line for each step (API operations ImageCreate, ImagePush, ImageLoad).
/// Nothing is sent before the first line, so that an operation that fails at once has a status of its own.
class ProgressStream {
 public:
  using Work = std::function<awaitable<void>(images::Report, images::Cancel)>;

  /// `backlog` counts the lines that wait to be sent; may be null.
  explicit ProgressStream(Exchange& exchange, std::shared_ptr<build::Backlog> backlog = nullptr)
      : exchange_(exchange), backlog_(std::move(backlog)) {}

  /// How a client learns of a failure before the first line.
  enum class Failure { as_answer, in_stream };

  /// Runs `work` and sends its lines. If the client goes away, or cannot be written to, the work is cancelled; while
  /// the work itself reads the request's body, `watch_client` is false: the body's end tells.
  awaitable<Response> run(Work work, bool watch_client, Failure failure = Failure::as_answer);

 private:
  void take(const wire::ProgressMessage& line);
  awaitable<void> send_lines(const images::BackgroundTask& task);
  awaitable<void> send(wire::ProgressMessage line);
  /// Whether all could be sent.
  awaitable<bool> deliver(const images::BackgroundTask& task, bool watch_client);

  struct Waiting {
    wire::ProgressMessage line;
    std::shared_ptr<const void> held;  ///< In the backlog.
  };

  Exchange& exchange_;
  std::shared_ptr<build::Backlog> backlog_;
  std::deque<Waiting> lines_;
  std::unique_ptr<asio::steady_timer> news_;
  bool started_{};
};

}  // namespace gantry::api
