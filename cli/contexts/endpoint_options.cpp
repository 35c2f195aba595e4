#include "contexts/endpoint_options.hpp"

#include <unistd.h>

#include <set>

#include "client/endpoint.hpp"
#include "client/pending_file.hpp"
#include "command/failure.hpp"
#include "command/flags.hpp"
#include "contexts/current_context.hpp"

namespace gantry::cli {

namespace {

std::string option(const EndpointOptions& options, const std::string& key) {
  const auto found = options.find(key);
  return found == options.end() ? "" : found->second;
}

void check_keys(const EndpointOptions& options) {
  static const std::set<std::string> known{"ca", "cert", "from", "host", "key", "skip-tls-verify"};
  std::string unknown;
  for (const auto& [key, value] : options) {
    if (!known.contains(key)) unknown += (unknown.empty() ? "" : "\n") + ("unrecognized config key: " + key);
  }
  if (!unknown.empty()) throw Failure(unknown);
}

void read_tls(const EndpointOptions& options, StoredContext& context) {
  const std::pair<const char*, const char*> files[]{{"ca", "ca.pem"}, {"cert", "cert.pem"}, {"key", "key.pem"}};
  for (const auto& [key, name] : files) {
    const std::string path = option(options, key);
    if (path.empty()) continue;
    context.tls[name] = whole_file(path);
  }
  const auto is_pem = [&](const char* name) {
    return !context.tls.contains(name) || context.tls[name].find("-----BEGIN ") != std::string::npos;
  };
  for (const auto& [key, name] : files) {
    if (!is_pem(name)) {
      throw Failure("invalid docker endpoint options: failed to retrieve context tls info: " + std::string(name) +
                    " seems invalid");
    }
  }
}

void take_endpoint(const EndpointOptions& options, const ContextStore& store, const ConnectionFlags& flags,
                   StoredContext& context) {
  check_keys(options);
  context.host.clear();
  context.skip_tls_verify = false;
  context.tls.clear();
  if (const std::string from = option(options, "from"); !from.empty()) {
    const StoredContext other =
        from == kDefaultContext ? default_context(flags, store.config_dir()) : store.load_whole(from);
    context.host = other.host;
    context.skip_tls_verify = other.skip_tls_verify;
    context.tls = other.tls;
    return;
  }
  const std::string skip = option(options, "skip-tls-verify");
  read_tls(options, context);
  try {
    if (!skip.empty()) context.skip_tls_verify = parse_bool(skip);
  } catch (const InvalidValue&) {
    throw Failure("skip-tls-verify: parsing \"" + skip + "\": invalid syntax");
  }
  context.host = option(options, "host");
  if (!context.host.empty() && context.host.find("://") == std::string::npos) {
    throw Failure("unable to apply docker endpoint options: unable to parse docker host `" + context.host + "`");
  }
}

}  // namespace

void apply_endpoint(const EndpointOptions& options, const ContextStore& store, const ConnectionFlags& flags,
                    StoredContext& context) {
  try {
    take_endpoint(options, store, flags, context);
  } catch (const Failure& failure) {
    throw Failure(std::string("unable to create docker endpoint config: ") + failure.what());
  }
}

}  // namespace gantry::cli
