#include "contexts/current_context.hpp"

#include <cstdlib>

#include "client/pending_file.hpp"
#include "command/failure.hpp"

namespace gantry::cli {

const char* host_variable() {
  for (const char* name : {"GANTRY_HOST", "DOCKER_HOST"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return name;
  }
  return nullptr;
}

std::string current_context(const ConnectionFlags& flags, const ConfigFile& config) {
  if (!flags.context.empty()) return flags.context;
  if (!flags.host.empty() || host_variable() != nullptr) return kDefaultContext;
  const char* chosen = std::getenv("DOCKER_CONTEXT");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  const std::string kept = config.text("currentContext");
  return kept.empty() ? kDefaultContext : kept;
}

DaemonAddress resolve_daemon(const ConnectionFlags& flags, const std::string& config_dir, const ConfigFile& config) {
  const std::string name = current_context(flags, config);
  if (name == kDefaultContext) return daemon_address(flags, config_dir);
  const ContextStore store(config_dir);
  StoredContext context;
  try {
    context = store.load(name);
  } catch (const Failure& failure) {
    throw Failure(std::string("Failed to initialize: unable to resolve docker endpoint: ") + failure.what());
  }
  if (context.host.empty()) return daemon_address(flags, config_dir);
  DaemonAddress address{parse_endpoint(context.host), std::nullopt};
  if (address.endpoint.host.empty() || (context.tls.empty() && !context.skip_tls_verify)) return address;
  const auto file = [&](const char* its) {
    return context.tls.contains(its) ? store.tls_folder(name) + "/docker/" + its : std::string();
  };
  address.tls = TlsSettings{!context.skip_tls_verify, file("ca.pem"), file("cert.pem"), file("key.pem")};
  return address;
}

StoredContext default_context(const ConnectionFlags& flags, const std::string& config_dir) {
  const DaemonAddress address = daemon_address(flags, config_dir);
  StoredContext out;
  out.name = kDefaultContext;
  out.host = address.endpoint.text;
  if (!address.tls) return out;
  out.skip_tls_verify = !address.tls->verify;
  const std::pair<const char*, const std::string&> files[]{{"ca.pem", address.tls->ca_file},
                                                           {"cert.pem", address.tls->certificate_file},
                                                           {"key.pem", address.tls->key_file}};
  for (const auto& [name, path] : files) {
    if (!path.empty()) out.tls[name] = whole_file(path);
  }
  return out;
}

}  // namespace gantry::cli
