#include "networks/namespace_thread.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <future>
#include <mutex>
#include <thread>

#include "base/file.hpp"

namespace gantry::networks {

struct NamespaceThread::Queue {
  UniqueFd own;  // the namespace to go back to: a kept one would outlive its container
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::packaged_task<void()>> tasks;
  bool stopping = false;
  std::thread thread;

  void serve();
};

void NamespaceThread::Queue::serve() {
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait(lock, [this] { return stopping || !tasks.empty(); });
    if (tasks.empty()) return;
    std::packaged_task<void()> task = std::move(tasks.front());
    tasks.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

NamespaceThread::NamespaceThread() : queue_(std::make_unique<Queue>()) {
  queue_->own.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!queue_->own) throw_errno("/proc/thread-self/ns/net");
  queue_->thread = std::thread([queue = queue_.get()] { queue->serve(); });
}

NamespaceThread::~NamespaceThread() {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->stopping = true;
  }
  queue_->wake.notify_one();
  queue_->thread.join();
}

void NamespaceThread::run(int netns, const std::function<void()>& work) {
  std::packaged_task<void()> task([own = queue_->own.get(), netns, &work] {
    if (::setns(netns, CLONE_NEWNET) != 0) throw_errno("enter a container's network namespace");
    struct Return {
      int own;
      ~Return() {
        // A thread that is lost in a container's namespace must not serve the next one.
        if (::setns(own, CLONE_NEWNET) != 0) std::terminate();
      }
    } const back{own};
    work();
  });
  std::future<void> done = task.get_future();
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->tasks.push_back(std::move(task));
  }
  queue_->wake.notify_one();
  done.get();
}

void set_loopback_up() {
  const UniqueFd sock(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!sock) throw_errno("open a socket in a container's network namespace");
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  if (::ioctl(sock.get(), SIOCSIFFLAGS, &request) != 0) throw_errno("set a container's loopback up");
}

}  // namespace gantry::networks
