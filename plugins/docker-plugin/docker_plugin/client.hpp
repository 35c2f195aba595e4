#pragma once

#include <chrono>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "docker_plugin/address.hpp"
#include "gantry/call.hpp"
#include "gantry/error.hpp"

namespace gantry::docker_plugin {

/// The plugin has no such method: some came late and need not be there.
class NoSuchMethod : public Error {
 public:
  using Error::Error;
};

/// One legacy plugin. Any thread.
class Client {
 public:
  /// `subsystem` is what it has to implement: "VolumeDriver".
  Client(Folders folders, std::string name, std::string subsystem);

  /// Whether there is a plugin of that name. Errors: as find_plugin.
  [[nodiscard]] bool exists() const;

  /// "/VolumeDriver.Create" and the like; finds and activates the plugin first. What it says of an error comes as
  /// "VolumeDriver.Create: <message>", or for other subsystems "remote: <message>", as dockerd has it.
  /// A plugin that has let a farewell expire is told no more of them for a while, or until it answers something else: a
  /// daemon that has many would wait for the end of each.
  /// Errors: NoSuchMethod (code io), not_found (no such plugin), unavailable, invalid (no answer that makes sense), io
  /// (it says so), cancelled.
  nlohmann::json call(const std::string& method, const nlohmann::json& request, const Call& call);

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  using Clock = std::chrono::steady_clock;
  nlohmann::json ask(const Address& address, const std::string& method, const nlohmann::json& request,
                     const Call& call);
  void activate(const Address& address, const Call& call);
  [[nodiscard]] bool is_silent();
  void note_silence(Clock::time_point until);

  Folders folders_;
  std::string name_;
  std::string subsystem_;
  std::mutex mutex_;
  Clock::time_point silent_until_;
  std::string active_;  ///< The address that has been activated: a plugin that moves is asked again.
};

}  // namespace gantry::docker_plugin
