#include "message.hpp"

#include "log_subject/attributes.hpp"
#include "log_subject/go_json.hpp"
#include "log_subject/tag.hpp"
#include "log_subject/time_text.hpp"

namespace gantry::gelf {

namespace {

using log_subject::go_json;

constexpr const char* kDefaultTag = "{{.ID}}";

std::string command_line(const log::v1::Subject& subject) {
  std::string out;
  for (const std::string& word : subject.command) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Seconds, to the millisecond.
std::string seconds_text(std::int64_t time) {
  const std::int64_t milliseconds = time / 1'000'000;
  std::string out = std::to_string(milliseconds / 1000);
  if (std::string digits = std::to_string(milliseconds % 1000); digits != "0") {
    digits.insert(0, 3 - digits.size(), '0');
    digits.erase(digits.find_last_not_of('0') + 1);
    out += "." + digits;
  }
  return out;
}

}  // namespace

std::string container_members(const log::v1::Subject& subject, const Options& options) {
  log_subject::Attributes members{{"_container_id", subject.id},
                                  {"_container_name", subject.name},
                                  {"_image_id", subject.image_id},
                                  {"_image_name", subject.image_name},
                                  {"_command", command_line(subject)},
                                  {"_tag", log_subject::tag_of(subject, options, kDefaultTag)},
                                  {"_created", log_subject::rfc3339(subject.created)}};
  for (const auto& [name, value] : log_subject::attributes_of(subject, options)) {
    members[name.starts_with('_') ? name : "_" + name] = value;
  }
  std::string json = go_json(members);
  json.front() = ',';
  json.pop_back();
  return json;
}

std::string format_message(const std::string& host, const log::v1::Entry& entry, const std::string& members) {
  const char* const level = entry.from_stderr ? "3" : "6";  // syslog's error and informational
  return R"({"version":"1.1","host":)" + go_json(host) + R"(,"short_message":)" + go_json(entry.text) +
         R"(,"timestamp":)" + seconds_text(entry.time) + R"(,"level":)" + level + members + "}";
}

}  // namespace gantry::gelf
