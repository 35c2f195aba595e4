#pragma once

#include "api/system.hpp"
#include "build/cache.hpp"
#include "containers/service.hpp"
#include "images/service.hpp"
#include "volumes/service.hpp"

namespace gantry::api {

/// Lets /system/df ask the nouns. The services must outlive `system`.
void add_disk_usage(System& system, containers::Service& containers, images::Service& images, volumes::Service& volumes,
                    build::Cache& cache);

}  // namespace gantry::api
