#include "device_url.hpp"

#include <algorithm>

#include "gantry/error.hpp"

namespace gantry::local {
namespace {

[[noreturn]] void refuse(const std::string& device, const std::string& reason) {
  throw Error{Errc::invalid, "error parsing mount device url: parse \"" + device + "\": " + reason};
}

}  // namespace

DeviceUrl parse_device_url(const std::string& device) {
  if (device.starts_with(':')) refuse(device, "missing protocol scheme");
  DeviceUrl out;
  const auto slashes = device.find("//");
  const bool has_authority = slashes == 0 || (slashes != std::string::npos && slashes > 1 &&
                                              device.find_first_of(":/") == slashes - 1 && device[slashes - 1] == ':');
  if (!has_authority) return {device, "", "", ""};
  const std::size_t begin = slashes + 2;
  const std::size_t end = std::min(device.find_first_of("/?#", begin), device.size());
  const std::string authority = device.substr(begin, end - begin);
  const auto user_end = authority.rfind('@');
  const std::size_t host_begin = user_end == std::string::npos ? 0 : user_end + 1;
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  const bool has_port =
      colon != std::string::npos && colon >= host_begin && (bracket == std::string::npos || colon > bracket);
  const std::size_t host_end = has_port ? colon : authority.size();
  out.before = device.substr(0, begin + host_begin);
  out.host = authority.substr(host_begin, host_end - host_begin);
  if (has_port) out.port = authority.substr(colon + 1);
  out.after = device.substr(end);
  const bool all_digits = std::all_of(out.port.begin(), out.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!all_digits) refuse(device, "invalid port \":" + out.port + "\" after host");
  return out;
}

}  // namespace gantry::local
