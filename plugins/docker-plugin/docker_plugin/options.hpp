#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "docker_plugin/client.hpp"
#include "gantry/driver.hpp"

namespace gantry::docker_plugin {

/// The options of every driver that stands for a plugin: its name, which the daemon sets, and where plugins are.
std::vector<OptionInfo> options();

/// The plugin that these options name, if they name one, as a plugin of `kind` ("VolumeDriver").
std::unique_ptr<Client> named_plugin(const Options& given, const std::string& kind);

/// A member of a plugin's answer that is a text; empty if it is none.
std::string text_of(const nlohmann::json& object, const char* name);

/// That there is no such plugin. Errors: not_found.
[[noreturn]] void throw_not_found(const Client& plugin);

}  // namespace gantry::docker_plugin
