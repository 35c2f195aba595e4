#include "plugins/look_up.hpp"

#include <memory>
#include <utility>

namespace gantry::plugins {

namespace {

/// Those that are under way.
struct Openings {
  Openings(const asio::any_io_executor& io, std::size_t count)
      : all(io, asio::steady_timer::time_point::max()), missing(count) {}

  asio::steady_timer all;  ///< Wakes who waits for the last one.
  std::size_t missing;
};

awaitable<void> look_up(Drivers& drivers, std::string kind, std::string name) {
  if (kind == "volume") co_await drivers.use_volume(name);
  if (kind == "network") co_await drivers.use_network(name);
  if (kind == "ipam") co_await drivers.use_ipam(name);
}

}  // namespace

awaitable<void> look_up_all(Drivers& drivers, std::string kind, std::set<std::string> names) {
  const asio::any_io_executor io = co_await asio::this_coro::executor;
  const auto openings = std::make_shared<Openings>(io, names.size());
  // Whatever one ends with: an error says that nothing is there that could be used.
  const auto count = [openings](const std::exception_ptr&) {
    if (--openings->missing == 0) openings->all.cancel();
  };
  for (const std::string& name : names) asio::co_spawn(io, look_up(drivers, kind, name), count);
  while (openings->missing != 0) {
    boost::system::error_code woken;
    co_await openings->all.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

}  // namespace gantry::plugins
