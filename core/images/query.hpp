#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "images/context.hpp"

/// What the API tells about images that are there.
namespace gantry::images {

/// The image that `reference` names, if it is of `platform`; none: of whichever. Errors: not_found, in dockerd's words.
Record find_for(const Context& context, const std::string& reference, const std::optional<Platform>& platform);
/// Errors: not_found.
void check_platform(const std::string& reference, const Image& image, const std::optional<Platform>& platform);

std::vector<wire::ImageSummary> list_images(const Context& context, const ListRequest& request);
nlohmann::json inspect_image(const Context& context, const Record& record, const InspectRequest& request);
std::vector<wire::ImageHistoryItem> image_history(const Record& record);
ImagesUsage images_usage(const Context& context);
/// Bytes of all layers, unpacked, each counted once.
std::int64_t layers_size(const Context& context);

/// Whether the image is one of those that `filters` name (dangling, label, label!, before, since, until, reference).
/// Errors: invalid.
bool matches(const Context& context, const Record& record, const Filters& filters);

/// A filter that is true or false; nothing if it is not there. Errors: invalid, as for both or neither.
std::optional<bool> bool_filter(const Filters& filters, const std::string& name);

/// A time, or as "10m" so long ago. Errors: invalid.
Nanoseconds time_filter(const std::string& text);

/// Errors: invalid, if "until" is no time or there are several.
void check_until(const Filters& filters);

/// Names as users see them, sorted; of digests likewise.
std::vector<std::string> familiar_names(const std::vector<std::string>& names);

}  // namespace gantry::images
