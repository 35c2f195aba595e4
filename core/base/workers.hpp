#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <type_traits>

namespace gantry {

/// The pools for what blocks.
enum class Pool {
  quick,  ///< Takes milliseconds: container, network and volume operations.
  slow,   ///< Takes seconds or more: pulls, unpacking, builds, walks over disks.
};

/// Two bounded thread pools. A slow registry never delays a `stop`. A pool whose threads are all taken gets more, up to
/// a limit that is far above its usual size: so those that are stuck (a client that does not read its archive, a
/// filesystem of a container's own that does not answer) do not keep the others waiting. Threads that are not needed
/// for a while end.
class Workers {
 public:
  using Executor = boost::asio::io_context::executor_type;

  Workers(std::size_t quick_threads, std::size_t slow_threads, std::size_t most_threads = kMostThreads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Runs `work()` on a thread of `pool` and resumes the caller on its own executor with the result or the exception.
  /// The caller's frame stays alive meanwhile, so `work` may refer to it.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work>> run(Pool pool, Work work) {
    Crew* const crew = begin_work(pool);
    co_return co_await boost::asio::co_spawn(
        executor(pool),
        [&work, crew]() -> boost::asio::awaitable<std::invoke_result_t<Work>> {
          const Occupied occupied{*crew};
          co_return work();
        },
        boost::asio::use_awaitable);
  }

  /// Work that nobody awaits.
  void post(Pool pool, std::function<void()> work);

  /// Starts another thread in the place of one that does not come back; nobody waits for that one any more. Should it
  /// come back after all, it calls `retire_this_thread`.
  void replace(Pool pool, std::thread::id lost);
  [[noreturn]] static void retire_this_thread();

  /// Sees to it that the pool has at least so many threads at any time.
  void provide(Pool pool, std::size_t threads);

  [[nodiscard]] std::size_t threads(Pool pool) const;

  /// Ends the pools when they have done what was given to them. May be repeated.
  void join();

 private:
  struct Crew;

  /// On the thread that does some work: ends what `begin_work` began.
  class Occupied {
   public:
    explicit Occupied(Crew& crew) noexcept : crew_(crew) {}
    ~Occupied();
    Occupied(const Occupied&) = delete;
    Occupied& operator=(const Occupied&) = delete;

   private:
    Crew& crew_;
  };

  static constexpr std::size_t kMostThreads = 256;

  [[nodiscard]] Executor executor(Pool pool) const noexcept;
  Crew* begin_work(Pool pool);

  std::array<std::shared_ptr<Crew>, 2> crews_;
};

}  // namespace gantry
