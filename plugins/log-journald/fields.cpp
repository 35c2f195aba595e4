#include "fields.hpp"

#include "log_subject/attributes.hpp"
#include "log_subject/tag.hpp"
#include "log_subject/time_text.hpp"

namespace gantry::journald {

namespace {

constexpr const char* kDefaultTag = "{{.ID}}";

}  // namespace

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  if (value.find('\n') == std::string_view::npos) {
    out += '=';
    out += value;
  } else {
    out += '\n';
    for (unsigned shift = 0; shift < 64; shift += 8)
      out += static_cast<char>(std::uint64_t{value.size()} >> shift & 0xffU);
    out += value;
  }
  out += '\n';
}

std::string field_name(std::string_view key) {
  std::string out;
  for (const char c : key) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const char next = lower ? static_cast<char>(c - 'a' + 'A') : plain ? c : '_';
    if (next != '_' || !out.empty()) out += next;
  }
  return out;
}

std::string container_fields(const log::v1::Subject& subject, const Options& options) {
  std::string out;
  const std::string tag = log_subject::tag_of(subject, options, kDefaultTag);
  append_field(out, "CONTAINER_ID", subject.id.substr(0, 12));
  append_field(out, "CONTAINER_ID_FULL", subject.id);
  append_field(out, "CONTAINER_NAME", subject.name);
  append_field(out, "CONTAINER_TAG", tag);
  append_field(out, "IMAGE_NAME", subject.image_name);
  append_field(out, "SYSLOG_IDENTIFIER", tag);
  for (const auto& [key, value] : log_subject::attributes_of(subject, options)) {
    if (const std::string name = field_name(key); !name.empty()) append_field(out, name, value);
  }
  return out;
}

std::string entry_fields(const log::v1::Entry& entry, std::uint64_t ordinal) {
  std::string out;
  append_field(out, "PRIORITY", entry.from_stderr ? "3" : "6");  // LOG_ERR, LOG_INFO
  append_field(out, "MESSAGE", entry.text);
  append_field(out, "SYSLOG_TIMESTAMP", log_subject::rfc3339(entry.time));
  append_field(out, "CONTAINER_LOG_ORDINAL", std::to_string(ordinal));
  if (!entry.partial) return out;
  if (!entry.last) append_field(out, "CONTAINER_PARTIAL_MESSAGE", "true");
  append_field(out, "CONTAINER_PARTIAL_ID", entry.partial_id);
  append_field(out, "CONTAINER_PARTIAL_ORDINAL", std::to_string(entry.ordinal));
  append_field(out, "CONTAINER_PARTIAL_LAST", entry.last ? "true" : "false");
  return out;
}

}  // namespace gantry::journald
