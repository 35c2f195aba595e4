#include "base/workers.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <mutex>
#include <set>
#include <system_error>
#include <vector>

#include "base/fatal_signal.hpp"

namespace gantry {
namespace {

struct Retired {};

/// After which an additional thread that has had nothing to do ends.
constexpr std::chrono::seconds kIdleTime{10};

}  // namespace

/// A pool's threads. They own it too: one that nobody waits for may outlive the pool.
struct Workers::Crew : std::enable_shared_from_this<Workers::Crew> {
  Crew(const char* its_name, std::size_t usual_threads, std::size_t most_threads)
      : name(its_name), usual(usual_threads), most(std::max(usual_threads, most_threads)) {}

  // The rest under the mutex.
  void add_thread();
  void add_thread_if_possible() noexcept;
  void serve_while_needed();

  const char* const name;
  boost::asio::io_context context;
  boost::asio::executor_work_guard<Executor> open{context.get_executor()};

  std::mutex mutex;
  std::size_t usual;
  std::size_t most;
  std::vector<std::thread> threads;
  std::set<std::thread::id> lost;  ///< Replaced, and still at their work.
  std::size_t work = 0;            ///< Waiting or being done, but for what the lost ones do.
  bool lost_one = false;
};

void Workers::Crew::add_thread() {
  const bool additional = threads.size() >= usual;
  threads.emplace_back([self = shared_from_this(), additional] {
    ::pthread_setname_np(::pthread_self(), self->name);
    const SignalStack signal_stack;
    try {
      if (additional) {
        self->serve_while_needed();
      } else {
        self->context.run();
      }
    } catch (const Retired&) {
    }
  });
}

// The others do the work, in the end, if the system has no thread to give.
void Workers::Crew::add_thread_if_possible() noexcept {
  try {
    add_thread();
  } catch (const std::system_error&) {
  }
}

void Workers::Crew::serve_while_needed() {
  std::unique_lock guard{mutex, std::defer_lock};
  for (;;) {
    while (context.run_one_for(kIdleTime) > 0) {
    }
    guard.lock();
    // What came in since counts on this thread: nobody was called for it.
    if (work < threads.size() || context.stopped()) break;
    guard.unlock();
  }
  const auto me = std::ranges::find(threads, std::this_thread::get_id(), &std::thread::get_id);
  if (me == threads.end()) return;  // somebody waits for this thread's end, or nobody did any more
  me->detach();
  threads.erase(me);
}

Workers::Workers(std::size_t quick_threads, std::size_t slow_threads, std::size_t most_threads)
    : crews_{std::make_shared<Crew>("quick", quick_threads, most_threads),
             std::make_shared<Crew>("slow", slow_threads, most_threads)} {
  for (const auto& crew : crews_) {
    const std::scoped_lock guard{crew->mutex};
    while (crew->threads.size() < crew->usual) crew->add_thread();
  }
}

Workers::~Workers() { join(); }

Workers::Executor Workers::executor(Pool pool) const noexcept {
  return crews_[static_cast<std::size_t>(pool)]->context.get_executor();
}

std::size_t Workers::threads(Pool pool) const {
  Crew& crew = *crews_[static_cast<std::size_t>(pool)];
  const std::scoped_lock guard{crew.mutex};
  return crew.threads.size();
}

Workers::Crew* Workers::begin_work(Pool pool) {
  const auto& crew = crews_[static_cast<std::size_t>(pool)];
  const std::scoped_lock guard{crew->mutex};
  ++crew->work;
  if (crew->work > crew->threads.size() && crew->threads.size() < crew->most) crew->add_thread_if_possible();
  return crew.get();
}

Workers::Occupied::~Occupied() {
  const std::scoped_lock guard{crew_.mutex};
  if (crew_.lost.erase(std::this_thread::get_id()) == 0) --crew_.work;
}

void Workers::post(Pool pool, std::function<void()> work) {
  boost::asio::post(executor(pool), [crew = begin_work(pool), work = std::move(work)] {
    const Occupied occupied{*crew};
    work();
  });
}

void Workers::replace(Pool pool, std::thread::id lost) {
  Crew& crew = *crews_[static_cast<std::size_t>(pool)];
  const std::scoped_lock guard{crew.mutex};
  const auto found = std::ranges::find(crew.threads, lost, &std::thread::get_id);
  if (found == crew.threads.end()) return;
  found->detach();
  crew.threads.erase(found);
  crew.lost_one = true;
  crew.lost.insert(lost);
  --crew.work;
  crew.add_thread_if_possible();
}

void Workers::provide(Pool pool, std::size_t threads) {
  Crew& crew = *crews_[static_cast<std::size_t>(pool)];
  const std::scoped_lock guard{crew.mutex};
  crew.usual = std::max(crew.usual, threads);
  crew.most = std::max(crew.most, threads);
  while (crew.threads.size() < threads) crew.add_thread();
}

void Workers::retire_this_thread() { throw Retired{}; }

void Workers::join() {
  for (const auto& crew : crews_) crew->open.reset();
  for (const auto& crew : crews_) {
    std::vector<std::thread> threads;
    {
      const std::scoped_lock guard{crew->mutex};
      threads.swap(crew->threads);
    }
    // With a call that never ends the context is never out of work.
    for (std::size_t n = 0; crew->lost_one && n < threads.size(); ++n) {
      boost::asio::post(crew->context, [] { retire_this_thread(); });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace gantry
