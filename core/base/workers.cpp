#include "base/workers.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace gantry {
namespace {

struct Retired {};

}  // namespace

struct Workers::Crew {
  boost::asio::io_context context;
  boost::asio::executor_work_guard<Executor> open{context.get_executor()};
  std::vector<std::thread> threads;
  bool lost_one = false;
};

Workers::Workers(std::size_t quick_threads, std::size_t slow_threads) {
  for (auto& crew : crews_) crew = std::make_shared<Crew>();
  for (std::size_t n = 0; n < quick_threads; ++n) add_thread(Pool::quick);
  for (std::size_t n = 0; n < slow_threads; ++n) add_thread(Pool::slow);
}

Workers::~Workers() { join(); }

Workers::Executor Workers::executor(Pool pool) const noexcept {
  return crews_[static_cast<std::size_t>(pool)]->context.get_executor();
}

void Workers::add_thread(Pool pool) {
  const auto crew = crews_[static_cast<std::size_t>(pool)];
  // The thread owns its crew too: one that nobody waits for may outlive this object.
  crew->threads.emplace_back([crew, pool] {
    ::pthread_setname_np(::pthread_self(), pool == Pool::quick ? "quick" : "slow");
    try {
      crew->context.run();
    } catch (const Retired&) {
    }
  });
}

void Workers::replace(Pool pool, std::thread::id lost) {
  const std::scoped_lock guard{mutex_};
  Crew& crew = *crews_[static_cast<std::size_t>(pool)];
  auto& threads = crew.threads;
  const auto found = std::ranges::find(threads, lost, &std::thread::get_id);
  if (found == threads.end()) return;
  found->detach();
  crew.lost_one = true;
  threads.erase(found);
  add_thread(pool);
}

void Workers::provide(Pool pool, std::size_t threads) {
  const std::scoped_lock guard{mutex_};
  while (crews_[static_cast<std::size_t>(pool)]->threads.size() < threads) add_thread(pool);
}

void Workers::retire_this_thread() { throw Retired{}; }

void Workers::join() {
  const std::scoped_lock guard{mutex_};
  for (const auto& crew : crews_) crew->open.reset();
  for (const auto& crew : crews_) {
    // With a call that never ends the context is never out of work.
    for (std::size_t n = 0; crew->lost_one && n < crew->threads.size(); ++n) {
      boost::asio::post(crew->context, [] { retire_this_thread(); });
    }
    for (std::thread& thread : crew->threads) thread.join();
    crew->threads.clear();
  }
}

}  // namespace gantry
