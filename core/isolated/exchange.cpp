#include "isolated/exchange.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>

#include "gantry/error.hpp"
#include "isolated/structs.hpp"

namespace gantry::isolated {
namespace {

using Clock = std::chrono::steady_clock;

Error error_of(const std::string& message) {
  const Json why = unpack(message);
  const int code = why.at(0).get<int>();
  const bool known = code >= static_cast<int>(Errc::invalid) && code <= static_cast<int>(Errc::internal);
  return Error{known ? static_cast<Errc>(code) : Errc::internal, why.at(1).get<std::string>()};
}

}  // namespace

LogLevel known_level(int level) {
  const bool known = level >= static_cast<int>(LogLevel::debug) && level <= static_cast<int>(LogLevel::error);
  return known ? static_cast<LogLevel>(level) : LogLevel::info;
}

namespace {

class Exchange {
 public:
  Exchange(Connection& connection, const Request& request, Beside* beside)
      : connection_(connection), request_(request), beside_(beside) {
    if (beside_ != nullptr) deadline_ = beside_->deadline;
  }

  Json run(FrameType type, const Json& message) {
    send(type, pack(message));
    for (;;) {
      wait();
      Frame frame;
      const bool brings = request_.returned != nullptr || request_.taker != nullptr;
      if (!receive_frame(connection_.socket.get(), frame, brings)) throw BrokenLink{"it has ended"};
      if (std::optional<Json> result = take(frame)) {
        forget_cancellation();
        return std::move(*result);
      }
    }
  }

 private:
  void send(FrameType type, const std::string& message) {
    if (message.size() > connection_.bounds.bytes) {
      throw Error{Errc::invalid, "a call of " + std::to_string(message.size()) + " bytes is too large"};
    }
    try {
      send_frame(connection_.socket.get(), type, message, {}, request_.descriptors);
    } catch (const BrokenLink& broken) {
      throw NotSent{broken.what()};
    }
  }

  /// Until the other end has said something.
  void wait() {
    for (;;) {
      std::array<pollfd, 3> events{pollfd{connection_.socket.get(), POLLIN, 0}, pollfd{cancel_fd(), POLLIN, 0},
                                   pollfd{beside_fd(), POLLIN, 0}};
      const int ready = ::poll(events.data(), events.size(), patience());
      if (ready < 0) continue;
      if (ready == 0 && cancelled_) throw NotReturned{"it did not return from a call after being cancelled"};
      if (ready == 0) throw BrokenLink{"it did not answer in time"};
      if (events[1].revents != 0) {
        ::eventfd_write(connection_.cancel.get(), 1);
        cancelled_ = true;
        deadline_ = std::min(deadline_, Clock::now() + request_.grace);
      }
      if (events[2].revents != 0 && !beside_->ready()) beside_->fd = -1;
      if (events[0].revents != 0) return;
    }
  }

  [[nodiscard]] int cancel_fd() const {
    return cancelled_ || request_.call == nullptr ? -1 : request_.call->cancel_fd();
  }

  [[nodiscard]] int beside_fd() const { return beside_ == nullptr ? -1 : beside_->fd; }

  [[nodiscard]] int patience() const {
    if (deadline_ == Clock::time_point::max()) return -1;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
  }

  /// So that the connection may serve another call.
  void forget_cancellation() const {
    if (!cancelled_) return;
    eventfd_t value = 0;
    ::eventfd_read(connection_.cancel.get(), &value);
  }

  std::optional<Json> take(Frame& frame) {
    switch (frame.type) {
      case FrameType::result:
        if (frame.lacks_descriptors || lost_handed_) {
          fail(Error{Errc::exhausted, "too many files are open to take those that come with an answer"});
        }
        if (request_.returned != nullptr) *request_.returned = std::move(frame.descriptors);
        return std::make_optional(unpack(frame.message));
      case FrameType::failure:
        fail(error_of(frame.message));
      case FrameType::log:
        take_log(unpack(frame.message));
        break;
      case FrameType::progress:
        take_progress(unpack(frame.message).get<Progress>());
        break;
      case FrameType::read:
        serve_read();
        break;
      case FrameType::write:
        serve_write(frame.bytes);
        break;
      case FrameType::handed:
        take_handed(frame);
        break;
      default:
        throw BrokenLink{"it answered what was not asked"};
    }
    return std::nullopt;
  }

  [[noreturn]] void fail(const Error& error) {
    forget_cancellation();
    // What the daemon's own stream threw, as it was: the driver has let it through.
    if (stream_failed_ && stream_message_ == error.what()) std::rethrow_exception(stream_failed_);
    throw Error{error};
  }

  void take_log(const Json& line) const {
    const LogLevel level = known_level(line.at(0).get<int>());
    const auto text = line.at(1).get<std::string>();
    if (request_.call != nullptr) request_.call->log(level, text);
  }

  void take_progress(const Progress& report) const {
    if (request_.call != nullptr) request_.call->progress(report);
  }

  void take_handed(Frame& frame) {
    if (request_.taker == nullptr) throw BrokenLink{"it handed out what was not asked for"};
    if (frame.descriptors.empty()) {
      lost_handed_ = true;
    } else {
      request_.taker->take(std::move(frame.descriptors.front()));
    }
  }

  void serve_read() {
    if (request_.source == nullptr) throw BrokenLink{"it read from a call that has no source"};
    std::string bytes(kLargestBytes, '\0');
    serve_stream(FrameType::data, bytes,
                 [&] { bytes.resize(request_.source->read(std::as_writable_bytes(std::span{bytes}))); });
  }

  void serve_write(const std::string& given) {
    if (request_.sink == nullptr) throw BrokenLink{"it wrote to a call that has no sink"};
    const std::string none;
    serve_stream(FrameType::taken, none, [&] { request_.sink->write(std::as_bytes(std::span{given})); });
  }

  template <class Work>
  void serve_stream(FrameType answer, const std::string& bytes, Work work) {
    Errc code = Errc::internal;
    try {
      work();
      stream_failed_ = nullptr;
    } catch (const Error& error) {
      code = error.code();
      keep_failure(error);
    } catch (const std::exception& error) {
      keep_failure(error);
    }
    if (!stream_failed_) {
      send_frame(connection_.socket.get(), answer, {}, bytes);
    } else {
      send_frame(connection_.socket.get(), FrameType::refused, pack({static_cast<int>(code), stream_message_}));
    }
  }

  void keep_failure(const std::exception& error) {
    stream_failed_ = std::current_exception();
    stream_message_ = error.what();
  }

  Connection& connection_;
  const Request& request_;
  Beside* beside_;
  Clock::time_point deadline_ = Clock::time_point::max();
  bool cancelled_ = false;
  bool lost_handed_ = false;  ///< What the taker was to get did not come through: the result is not worth much.
  std::exception_ptr stream_failed_;
  std::string stream_message_;
};

}  // namespace

Json exchange(Connection& connection, FrameType type, const Json& message, const Request& request, Beside* beside) {
  try {
    return Exchange{connection, request, beside}.run(type, message);
  } catch (const Json::exception& error) {
    // What was said is not what is said here.
    throw BrokenLink{error.what()};
  }
}

}  // namespace gantry::isolated
