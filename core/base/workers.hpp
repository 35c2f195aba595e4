#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace gantry {

/// The pools for what blocks.
enum class Pool {
  quick,  ///< Takes milliseconds: container, network and volume operations.
  slow,   ///< Takes seconds or more: pulls, unpacking, builds, walks over disks.
};

/// Two bounded thread pools. A slow registry never delays a `stop`.
class Workers {
 public:
  using Executor = boost::asio::io_context::executor_type;

  Workers(std::size_t quick_threads, std::size_t slow_threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Runs `work()` on a thread of `pool` and resumes the caller on its own executor with the result or the exception.
  /// The caller's frame stays alive meanwhile, so `work` may refer to it.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work>> run(Pool pool, Work work) {
    co_return co_await boost::asio::co_spawn(
        executor(pool), [&work]() -> boost::asio::awaitable<std::invoke_result_t<Work>> { co_return work(); },
        boost::asio::use_awaitable);
  }

  /// The executor of a pool, for work that nobody awaits.
  [[nodiscard]] Executor executor(Pool pool) const noexcept;

  /// Starts another thread in the place of one that does not come back; nobody waits for that one any more. Should it
  /// come back after all, it calls `retire_this_thread`.
  void replace(Pool pool, std::thread::id lost);
  [[noreturn]] static void retire_this_thread();

  /// Sees to it that the pool has at least so many threads.
  void provide(Pool pool, std::size_t threads);

  /// Ends the pools when they have done what was given to them. May be repeated.
  void join();

 private:
  struct Crew;
  void add_thread(Pool pool);

  std::mutex mutex_;
  std::array<std::shared_ptr<Crew>, 2> crews_;
};

}  // namespace gantry
