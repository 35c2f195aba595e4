#pragma once

#include <deque>
#include <functional>

#include "api/exchange.hpp"
#include "images/background_task.hpp"
#include "images/service.hpp"
#include "wire/image.hpp"

namespace gantry::api {

/// The answer of a long operation: a JSON line for each step (API operations ImageCreate, ImagePush, ImageLoad).
/// Nothing is sent before the first line, so that an operation that fails at once has a status of its own.
class ProgressStream {
 public:
  using Work = std::function<awaitable<void>(images::Report, images::Cancel)>;

  explicit ProgressStream(Exchange& exchange) : exchange_(exchange) {}

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

  Exchange& exchange_;
  std::deque<wire::ProgressMessage> lines_;
  std::unique_ptr<asio::steady_timer> news_;
  bool started_{};
};

}  // namespace gantry::api
