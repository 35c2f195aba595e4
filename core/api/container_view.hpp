#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "containers/service.hpp"

/// Containers as the API shows them, members in dockerd's order: the docker CLI prints them as they come.
namespace gantry::api {

struct Sizes {
  std::int64_t writable{};
  std::int64_t root{};
};

using LinkNames = std::multimap<std::string, std::string>;  ///< containers::Service::link_names

/// One entry of ContainerList. `sizes` only if they were asked for.
nlohmann::ordered_json container_summary(const containers::Service& service, const images::Service& images,
                                         const containers::Container& container, const LinkNames& link_names,
                                         const std::optional<Sizes>& sizes);

/// ContainerInspect.
nlohmann::ordered_json container_details(const containers::Service& service, const containers::Container& container,
                                         const std::optional<Sizes>& sizes);

/// "5 minutes", as Docker's units.HumanDuration.
std::string human_duration(std::int64_t seconds);

/// "Up 5 seconds", "Exited (1) 2 hours ago", ...
std::string status_text(const containers::Container& container);

}  // namespace gantry::api
