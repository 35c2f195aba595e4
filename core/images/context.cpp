#include "images/context.hpp"

namespace gantry::images {

void publish(Context& context, const std::string& action, const std::string& actor, const std::string& name,
             const Record& record) {
  events::Event event;
  event.type = "image";
  event.action = action;
  event.actor = actor;
  if (record != nullptr) event.attributes = record->image.config.labels;
  event.attributes["name"] = name;
  context.bus.publish(std::move(event));
}

std::string short_id(const std::string& digest) {
  const auto colon = digest.find(':');
  return digest.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

wire::ProgressMessage status_line(std::string status, std::string id) {
  wire::ProgressMessage line;
  line.status = std::move(status);
  line.id = std::move(id);
  return line;
}

wire::ProgressMessage progress_line(std::string status, std::string id, std::uint64_t current, std::uint64_t total) {
  wire::ProgressMessage line = status_line(std::move(status), std::move(id));
  line.detail = {static_cast<std::int64_t>(current), static_cast<std::int64_t>(total)};
  return line;
}

}  // namespace gantry::images
