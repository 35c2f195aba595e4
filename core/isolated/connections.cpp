#include "isolated/connections.hpp"

#include <nlohmann/json.hpp>

namespace gantry::isolated {
namespace {

constexpr std::size_t kMostIdle = 8;

}  // namespace

Connection Connections::take() {
  {
    const std::scoped_lock guard{mutex_};
    if (!idle_.empty()) {
      Connection connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return make_();
}

Json Connections::ask(FrameType type, const Json& message, const Request& request, Beside* beside) {
  Connection connection = take();
  const auto give_back = [&] {
    const std::scoped_lock guard{mutex_};
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(connection));
  };
  try {
    Json result = exchange(connection, type, message, request, beside);
    give_back();
    return result;
  } catch (const BrokenLink&) {
    throw;
  } catch (...) {
    give_back();
    throw;
  }
}

void Connections::clear() noexcept {
  const std::scoped_lock guard{mutex_};
  idle_.clear();
}

}  // namespace gantry::isolated
