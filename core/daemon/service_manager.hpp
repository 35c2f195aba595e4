#pragma once

#include <string>

namespace gantry::daemon {

/// Tells systemd how the daemon is (sd_notify(3)): "READY=1". Nothing happens without NOTIFY_SOCKET.
void notify_service_manager(const std::string& state) noexcept;

/// The message for a reload that begins: it bears the monotonic time.
std::string reloading_state();

}  // namespace gantry::daemon
