#pragma once

#include <string>

namespace gantry::local {

/// Where a CIFS share is: "//nas/share", as Docker takes it, perhaps with a user or a scheme before the host.
struct DeviceUrl {
  std::string before;  ///< Up to the host.
  std::string host;    ///< Empty if the device names none.
  std::string port;
  std::string after;  ///< From behind host and port.
};

/// Errors: invalid, in dockerd's words.
DeviceUrl parse_device_url(const std::string& device);

}  // namespace gantry::local
