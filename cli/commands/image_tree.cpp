#include "commands/image_tree.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "format/units.hpp"
#include "parse/platform.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

struct Line {
  std::string name;
  std::array<std::string, 4> details;  ///< Empty of an image's names but the last.
};

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string size_of(std::int64_t size) { return human_size(static_cast<double>(size)); }

std::string platform_of(const Json& manifest) {
  const Json& platform = manifest.at("ImageData").at("Platform");
  Platform out;
  out.os = platform.value("os", "");
  out.architecture = platform.value("architecture", "");
  out.variant = platform.value("variant", "");
  return out.text();
}

std::vector<Line> lines_of(const Json& image) {
  std::vector<Line> below;
  std::int64_t content = 0;
  bool used = image.value("Containers", std::int64_t{}) > 0;
  for (const Json& manifest : image.value("Manifests", Json::array())) {
    if (manifest.value("Kind", "") != "image") continue;
    const Json& size = manifest.at("Size");
    const bool is_used = !manifest.at("ImageData").value("Containers", Json::array()).empty();
    content += size.value("Content", std::int64_t{});
    used = used || is_used;
    below.push_back({platform_of(manifest),
                     {short_id(manifest.value("ID", "")), size_of(size.value("Total", std::int64_t{})),
                      size_of(size.value("Content", std::int64_t{})), is_used ? "✔" : ""}});
  }
  for (std::size_t at = 0; at < below.size(); ++at) {
    below[at].name.insert(0, at + 1 == below.size() ? "└─ " : "├─ ");
  }
  std::vector<Line> lines;
  for (const Json& name : image.value("RepoTags", Json::array())) lines.push_back({name.get<std::string>(), {}});
  if (lines.empty()) lines.push_back({"<untagged>", {}});
  lines.back().details = {short_id(image.value("Id", "")), size_of(image.value("Size", std::int64_t{})),
                          size_of(content), used ? "✔" : ""};
  lines.insert(lines.end(), below.begin(), below.end());
  return lines;
}

std::string printed(const Line& line, std::size_t name_width) {
  constexpr std::size_t kId = 12;
  constexpr std::size_t kDiskUsage = 10;
  constexpr std::size_t kContentSize = 12;
  const auto& [id, disk_usage, content_size, used] = line.details;
  if (id.empty()) return line.name + "\n";
  const auto left = [](const std::string& text, std::size_t width) {
    return text + std::string(width - std::min(width, width_of(text)), ' ');
  };
  const auto right = [](const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, width_of(text)), ' ') + text;
  };
  std::string out = left(line.name, name_width) + "   " + left(id, kId) + "   " + right(disk_usage, kDiskUsage) +
                    "   " + right(content_size, kContentSize);
  if (!used.empty()) out += "   " + right(used, used == "USED" ? 4 : 2);
  return out + "\n";
}

}  // namespace

std::string image_tree(const Json& images) {
  const Line head{"IMAGE", {"ID", "DISK USAGE", "CONTENT SIZE", "USED"}};
  std::vector<std::vector<Line>> blocks;
  std::size_t width = width_of(head.name);
  for (const Json& image : images) {
    for (const Line& line : blocks.emplace_back(lines_of(image))) width = std::max(width, width_of(line.name));
  }
  std::string out = printed(head, width);
  for (std::size_t at = 0; at < blocks.size(); ++at) {
    if (at > 0) out += "\n";
    for (const Line& line : blocks[at]) out += printed(line, width);
  }
  return out;
}

}  // namespace gantry::cli
