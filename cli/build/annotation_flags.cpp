#include "build/annotation_flags.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"

namespace gantry::cli {
namespace {

/// "manifest[linux/amd64]".
struct AnnotationPlace {
  std::string type;
  std::string platform;
};

AnnotationPlace place_of(const std::string& text) {
  static constexpr std::array kTypes{"manifest", "index", "manifest-descriptor", "index-descriptor"};
  AnnotationPlace out;
  const auto bracket = text.find('[');
  out.type = text.substr(0, bracket);
  if (bracket != std::string::npos) {
    if (!text.ends_with(']')) throw Failure("invalid annotation type \"" + text + "\"");
    out.platform = text.substr(bracket + 1, text.size() - bracket - 2);
  }
  if (out.type.empty()) out.type = "manifest";
  const bool known = std::any_of(kTypes.begin(), kTypes.end(), [&](const char* type) { return out.type == type; });
  if (!known) throw Failure("unknown annotation type \"" + out.type + "\"");
  return out;
}

Json annotation_json(const AnnotationPlace& place, const std::string& name, const std::string& value) {
  Json out{{"type", place.type}, {"name", name}, {"value", value}};
  if (!place.platform.empty()) out["platform"] = place.platform;
  return out;
}

}  // namespace

Json parse_annotations(const std::vector<std::string>& flags) {
  Json out = Json::array();
  for (const std::string& flag : flags) {
    const auto equals = flag.find('=');
    if (equals == std::string::npos) throw Failure("invalid annotation \"" + flag + "\", expected key=value");
    const std::string value = flag.substr(equals + 1);
    const std::string key = flag.substr(0, equals);
    const auto colon = key.find(':');
    const std::string name = key.substr(colon == std::string::npos ? 0 : colon + 1);
    if (name.empty()) throw Failure("invalid annotation \"" + flag + "\", expected key=value");
    std::string types = colon == std::string::npos ? "manifest" : key.substr(0, colon);
    for (;;) {
      const auto comma = types.find(',');
      out.push_back(annotation_json(place_of(types.substr(0, comma)), name, value));
      if (comma == std::string::npos) break;
      types.erase(0, comma + 1);
    }
  }
  return out;
}

bool is_annotation(const std::string& attribute) {
  constexpr std::string_view kWord = "annotation";
  if (!attribute.starts_with(kWord) || attribute.size() == kWord.size()) return false;
  const char next = attribute[kWord.size()];
  return next == '.' || next == '[' || next == '-';
}

Json output_annotations(const std::map<std::string, std::string>& attributes) {
  constexpr std::size_t kWord = 10;
  Json out = Json::array();
  for (const auto& [attribute, value] : attributes) {
    if (!is_annotation(attribute)) continue;
    // A platform has no dot before its bracket is closed.
    const auto closed = attribute.find(']');
    const auto dot = attribute.find('.', closed == std::string::npos ? 0 : closed);
    if (dot == std::string::npos || dot + 1 == attribute.size()) {
      throw Failure("invalid annotation \"" + attribute + "\", expected key=value");
    }
    std::string place = attribute.substr(kWord, dot - kWord);
    if (place.starts_with('-')) place.erase(0, 1);
    out.push_back(annotation_json(place_of(place), attribute.substr(dot + 1), value));
  }
  return out;
}

}  // namespace gantry::cli
