#pragma once

#include "gantry/builder.hpp"
#include "gantry/builder_trace.hpp"
#include "isolated/optional_json.hpp"
#include "isolated/structs.hpp"

/// The builder interface's structs as messages, and those of its session. The descriptors of a request travel beside
/// it: what is here in their place are numbers of another process.
namespace gantry::builder::v1 {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HealthCheck, test, interval, timeout, start_period, start_interval, retries)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Config, user, exposed_ports, env, entrypoint, cmd, volumes, working_dir, labels,
                                   stop_signal, shell, on_build, args_escaped, health_check)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Image, id, config, os, architecture, variant, author)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Step, parent, config, author, created_by, top, created)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ContainerSpec, image, config, mounts, network, secret_env, privileged)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StepReport, kind, step, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Material, uri, algorithm, digest)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TracedStep, image, parent, operation, inputs, first_line, last_line)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Reader, uid, gid, groups)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Request, recipe, remote, target, arguments, labels, platform, no_cache, pull, remove,
                                   force_remove, no_cache_stages, contexts, insecure, check_only, directory, reader,
                                   archive)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Usage, size)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CacheRecord, id, type, description, size, created, last_used, use_count, in_use)

}  // namespace gantry::builder::v1
