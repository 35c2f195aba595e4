#include "volumes/volume.hpp"

#include <nlohmann/json.hpp>

namespace gantry::volumes {
namespace {

using Json = nlohmann::json;

constexpr const char* text_of(Phase phase) {
  switch (phase) {
    case Phase::creating:
      return "creating";
    case Phase::ready:
      return "ready";
    case Phase::removing:
      return "removing";
    case Phase::renaming:
      return "renaming";
  }
  return "ready";
}

Phase phase_of(const std::string& text) {
  if (text == "creating") return Phase::creating;
  if (text == "removing") return Phase::removing;
  if (text == "renaming") return Phase::renaming;
  return Phase::ready;
}

}  // namespace

std::string to_record(const Volume& volume) {
  const Json out{
      {"name", volume.name},           {"driver", volume.driver},         {"options", volume.options},
      {"labels", volume.labels},       {"mountpoint", volume.mountpoint}, {"created", volume.created},
      {"anonymous", volume.anonymous}, {"phase", text_of(volume.phase)},  {"made_for", volume.made_for},
      {"read_only", volume.read_only}, {"renamed_to", volume.renamed_to}, {"options_given", volume.options_given}};
  // What the user wrote may be any bytes: it must not make the record unwritable.
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void from_record(const std::string& text, Volume& volume) {
  const Json in = Json::parse(text);
  volume.name = in.value("name", "");
  volume.driver = in.value("driver", "local");
  volume.options = in.value("options", Options{});
  volume.options_given = in.value("options_given", false);
  volume.labels = in.value("labels", std::map<std::string, std::string>{});
  volume.mountpoint = in.value("mountpoint", "");
  volume.created = in.value("created", Nanoseconds{});
  volume.anonymous = in.value("anonymous", false);
  volume.phase = phase_of(in.value("phase", "ready"));
  volume.made_for = in.value("made_for", "");
  volume.read_only = in.value("read_only", false);
  volume.renamed_to = in.value("renamed_to", "");
}

}  // namespace gantry::volumes
