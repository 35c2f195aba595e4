#pragma once

#include "api/system.hpp"
#include "containers/service.hpp"
#include "images/service.hpp"
#include "volumes/service.hpp"

namespace gantry::api {

/// Lets /system/df ask the nouns. The services must outlive `system`.
void add_disk_usage(System& system, containers::Service& containers, images::Service& images,
                    volumes::Service& volumes);

}  // namespace gantry::api
