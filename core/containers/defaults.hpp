#pragma once

#include <string>
#include <vector>

#include "containers/service.hpp"
#include "images/image.hpp"
#include "wire/container_config.hpp"

/// What a container gets where its user said nothing.
namespace gantry::containers {

/// Fills `config` from the image's: command, environment, user, ports, volumes, labels.
void merge_image(wire::ContainerConfig& config, const images::ImageConfig& image);

/// Fills in the defaults that ContainerInspect shows. `config` needs its final `hostname` already for nothing but
/// itself.
void fill_defaults(const std::string& id, wire::ContainerConfig& config, wire::HostConfig& host,
                   const Settings& settings, const std::string& default_runtime);

/// Whether this host's controllers are those of cgroup v2.
bool has_cgroup_v2();

/// The default lists of OciDefaults in dockerd.
const std::vector<std::string>& default_masked_paths();
const std::vector<std::string>& default_readonly_paths();

/// "bridge", "host", "none", "container:<id>" or a user-defined network's name.
bool joins_container(const std::string& mode);
/// Of "container:<x>": x.
std::string joined_container(const std::string& mode);
/// The way back.
std::string join_mode(const std::string& container);

}  // namespace gantry::containers
