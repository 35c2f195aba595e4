#include "queue.hpp"

#include "gantry/error.hpp"

namespace gantry::fluentd {

namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20;  // whatever the limit says

}  // namespace

Queue::Queue(Forward& server, std::uint64_t limit) : server_(server), limit_(limit), thread_([this] { run(); }) {}

Queue::~Queue() {
  {
    const std::scoped_lock guard{mutex_};
    ending_ = true;
  }
  server_.give_up();
  changed_.notify_one();
  thread_.join();
}

bool Queue::add(Message message) {
  {
    const std::scoped_lock guard{mutex_};
    if (waiting_.size() >= limit_ || bytes_ + message.bytes.size() > kMostBytes) return false;
    bytes_ += message.bytes.size();
    waiting_.push_back(std::move(message));
  }
  changed_.notify_one();
  return true;
}

void Queue::run() {
  std::unique_lock guard{mutex_};
  while (true) {
    changed_.wait(guard, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Message message = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= message.bytes.size();
    guard.unlock();
    bool sent = true;
    try {
      server_.send(message);
    } catch (const Error&) {
      sent = false;
    }
    guard.lock();
    // Nobody is there any more who could wait for the server.
    if (!sent && ending_) return;
  }
}

}  // namespace gantry::fluentd
