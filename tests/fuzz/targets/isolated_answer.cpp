// What a driver's process may answer, whatever has become of it.

#include "isolated/exchange.hpp"

#include <sys/socket.h>

#include <array>
#include <nlohmann/json.hpp>

#include "fuzz_target.hpp"
#include "isolated/structs.hpp"

namespace {

using namespace gantry;
using namespace gantry::isolated;

template <class... Structs>
void read_as(const Json& message) {
  const auto read = [&message]<class T>(T out) {
    try {
      message.get_to(out);
    } catch (const Json::exception&) {
    }
  };
  (read(Structs{}), ...);
}

}  // namespace

FUZZ_TARGET(text) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
  Connection connection;
  connection.socket = UniqueFd{ends[0]};
  const UniqueFd driver{ends[1]};
  if (::send(driver.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
  ::shutdown(driver.get(), SHUT_WR);
  try {
    const Json reply = exchange(connection, FrameType::call, Json::array(), {});
    for (const Json& value : reply) {
      read_as<OptionInfo, Mount, volume::v1::Volume, network::v1::Network, network::v1::Endpoint, network::v1::Holdings,
              storage::v1::Holdings, ipam::v1::Addresses, log::v1::Plan, log::v1::Entry, registry::v1::Manifest>(value);
    }
  } catch (const BrokenLink&) {
  }
}
