#pragma once

#include <string>

#include "client/config_file.hpp"

namespace gantry::cli {

/// A user's account at a registry.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;
  std::string server;

  [[nodiscard]] bool empty() const { return username.empty() && identity_token.empty(); }
};

inline constexpr const char* kHubServer = "https://index.docker.io/v1/";

/// What config.json calls the registry with this host name.
std::string server_key(const std::string& domain);

/// From config.json or from the credential helper that it names; empty if there are none.
Credentials find_credentials(const ConfigFile& config, const std::string& server);
/// Keeps them where config.json says. Throws Failure. `stored_in_helper` says whether a helper took them.
void store_credentials(ConfigFile& config, const Credentials& credentials, bool& stored_in_helper);
void erase_credentials(ConfigFile& config, const std::string& server);

/// The value of the header X-Registry-Config: all accounts that config.json itself holds.
std::string registry_config_header(const ConfigFile& config);
/// The value of the header X-Registry-Auth.
std::string registry_auth_header(const Credentials& credentials);

}  // namespace gantry::cli
