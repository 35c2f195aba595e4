#include "containers/log_tag.hpp"

#include <map>

#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

std::string joined_command(const Container& container) {
  std::string text;
  for (const std::string& word : container.command()) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::map<std::string, std::string> tag_fields(const Container& container) {
  return {{"ID", container.id.substr(0, 12)},
          {"FullID", container.id},
          {"ContainerID", container.id},
          {"Name", container.name},
          {"ContainerName", "/" + container.name},
          {"ImageName", container.config.image},
          {"ContainerImageName", container.config.image},
          // As dockerd, which cuts the digest with its algorithm.
          {"ImageID", container.image_id.substr(0, 12)},
          {"ImageFullID", container.image_id},
          {"ContainerImageID", container.image_id},
          {"Command", joined_command(container)},
          {"DaemonName", "docker"}};
}

std::string trimmed_field(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t-");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t-") - first + 1);
}

}  // namespace

std::string log_tag(const std::string& text, const Container& container) {
  const auto fields = tag_fields(container);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("{{", at);
    out += text.substr(at, open - at);
    if (open == std::string::npos) break;
    const std::size_t close = text.find("}}", open);
    if (close == std::string::npos) throw Error{Errc::invalid, "template: log-tag:1: unclosed action"};
    const std::string field = trimmed_field(text.substr(open + 2, close - open - 2));
    const auto known = fields.find(field.starts_with('.') ? field.substr(1) : field);
    if (known == fields.end() || !field.starts_with('.')) {
      throw Error{Errc::invalid, "template: log-tag:1:" + std::to_string(open + 2) + ": executing \"log-tag\" at <" +
                                     field + ">: can't evaluate field " +
                                     (field.starts_with('.') ? field.substr(1) : field) + " in type *logger.Info"};
    }
    out += known->second;
    at = close + 2;
  }
  return out;
}

}  // namespace gantry::containers
