#include "driver.hpp"

#include <sys/random.h>

#include <array>

#include "log_subject/attributes.hpp"
#include "log_subject/option_text.hpp"
#include "log_subject/tag.hpp"
#include "message_pack.hpp"

namespace gantry::fluentd {

namespace {

constexpr const char* kDefaultTag = "{{.ID}}";
constexpr const char* kOptionPrefix = "fluentd-";
constexpr const char* kTag = "tag";
constexpr std::string_view kRecordPrefix = "record-";

std::string random_chunk() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<unsigned char, 16> bytes{};
  (void)!::getrandom(bytes.data(), bytes.size(), 0);
  std::string out;
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

}  // namespace

void* Driver::query(std::string_view ability) noexcept {
  return ability == Writer::kAbility ? static_cast<Writer*>(this) : nullptr;
}

void Driver::options(std::vector<OptionInfo>& out) const {
  using log_subject::object_option;
  out.push_back(object_option("fluentd-address", "tcp://127.0.0.1:24224", "host:port, or unix:///path"));
  out.push_back(object_option("fluentd-async", "false", "Hold messages back while the server is away"));
  out.push_back(object_option("fluentd-async-connect", "false", "The same, by its former name"));
  out.push_back(object_option("fluentd-async-reconnect-interval", "", "Taken, without effect"));
  out.push_back(object_option("fluentd-buffer-limit", "1048576", "Messages that are held back at most"));
  out.push_back(object_option("fluentd-retry-wait", "1s", "Before the server is tried again for the first time"));
  out.push_back(object_option("fluentd-max-retries", "2147483648", "How often it is tried again for a message"));
  out.push_back(object_option("fluentd-sub-second-precision", "false", "Times with nanoseconds"));
  out.push_back(object_option("fluentd-request-ack", "false", "Wait for the server's answer to each message"));
  log_subject::add_subject_options(out);
}

void Driver::check(const Options& given, const Call& /*call*/) {
  std::vector<OptionInfo> known;
  options(known);
  log_subject::check_names(given, known, "fluentd log driver");
  (void)parse_settings(given);
}

void Driver::plan(const log::v1::Subject& subject, const Options& given, log::v1::Plan& out, const Call& /*call*/) {
  const Settings settings = parse_settings(given);
  out.writer = "process";
  for (const auto& [name, value] : given) {
    if (name.starts_with(kOptionPrefix)) out.settings[name] = value;
  }
  out.settings[kTag] = log_subject::tag_of(subject, given, kDefaultTag);
  log_subject::Attributes record{{"container_id", subject.id}, {"container_name", "/" + subject.name}};
  for (const auto& [name, value] : log_subject::attributes_of(subject, given)) record[name] = value;
  for (const auto& [name, value] : record) out.settings[std::string(kRecordPrefix) + name] = value;
  // A server that is not there fails the start, unless nobody is to wait for it.
  if (!settings.async) Forward{settings}.connect();
}

void Driver::open(const Options& settings) {
  settings_ = parse_settings(settings);
  tag_ = settings.at(kTag);
  for (const auto& [name, value] : settings) {
    if (name.starts_with(kRecordPrefix)) record_[name.substr(kRecordPrefix.size())] = value;
  }
  server_.emplace(settings_);
  if (settings_.async) queue_.emplace(*server_, settings_.buffer_limit);
}

Message Driver::message_of(const log::v1::Entry& entry) const {
  Message out;
  // What a container chose to add counts more, as with dockerd.
  std::map<std::string, std::string> record = record_;
  record.emplace("source", entry.from_stderr ? "stderr" : "stdout");
  record.emplace("log", entry.text);
  if (entry.partial) {
    record["partial_message"] = "true";
    record["partial_id"] = entry.partial_id;
    record["partial_ordinal"] = std::to_string(entry.ordinal);
    record["partial_last"] = entry.last ? "true" : "false";
  }
  std::map<std::string, std::string> options;
  if (settings_.request_ack) options["chunk"] = out.chunk = random_chunk();
  pack_array_of_four(out.bytes);
  pack_text(out.bytes, tag_);
  pack_time(out.bytes, entry.time, settings_.sub_second);
  pack_map(out.bytes, record);
  pack_map(out.bytes, options);
  return out;
}

void Driver::write(const log::v1::Entry& entry) {
  Message message = message_of(entry);
  if (!queue_) {
    server_->send(message);
  } else if (!queue_->add(std::move(message))) {
    throw Error{Errc::unavailable, "fluent#appendBuffer: Buffer full, limit " + std::to_string(settings_.buffer_limit)};
  }
}

void Driver::close() { queue_.reset(); }

}  // namespace gantry::fluentd
