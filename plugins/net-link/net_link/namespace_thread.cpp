#include "net_link/namespace_thread.hpp"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <string>

#include "gantry/error.hpp"

namespace gantry::net_link {

NamespaceThread::NamespaceThread() : own_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  if (!own_) throw Error{Errc::io, std::string("/proc/thread-self/ns/net: ") + std::strerror(errno)};
  thread_ = std::thread([this] { serve(); });
}

NamespaceThread::~NamespaceThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void NamespaceThread::run(int netns, const std::function<void()>& work) {
  std::packaged_task<void()> task([this, netns, &work] {
    if (::setns(netns, CLONE_NEWNET) != 0) {
      throw Error{Errc::io, std::string("enter the container's network namespace: ") + std::strerror(errno)};
    }
    struct Return {
      int own;
      ~Return() {
        // A thread that is lost in a container's namespace must not serve the next one.
        if (::setns(own, CLONE_NEWNET) != 0) std::terminate();
      }
    } const back{own_.get()};
    work();
  });
  std::future<void> done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  done.get();
}

void NamespaceThread::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::packaged_task<void()> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace gantry::net_link
