#include "driver.hpp"

#include <unistd.h>

#include <array>

#include "address.hpp"
#include "log_subject/attributes.hpp"
#include "log_subject/option_text.hpp"
#include "log_subject/tag.hpp"

namespace gantry::log_syslog {

namespace {

using log_subject::text_of;

constexpr const char* kDefaultTag = "{{.ID}}";

}  // namespace

void* Driver::query(std::string_view ability) noexcept {
  return ability == Writer::kAbility ? static_cast<Writer*>(this) : nullptr;
}

void Driver::options(std::vector<OptionInfo>& out) const {
  using log_subject::object_option;
  out.push_back(
      object_option("syslog-address", "", "udp://, tcp://, tcp+tls://, unix:// or unixgram://; none: /dev/log"));
  out.push_back(object_option("syslog-facility", "daemon", "Facility, by name or number"));
  out.push_back(object_option("syslog-format", "", "rfc3164, rfc5424 or rfc5424micro; none: as syslog(3)"));
  out.push_back(object_option("syslog-tls-ca-cert", "", "File of the CAs that the server is trusted by"));
  out.push_back(object_option("syslog-tls-cert", "", "File of the client's certificate"));
  out.push_back(object_option("syslog-tls-key", "", "File of the client's key"));
  out.push_back(object_option("syslog-tls-skip-verify", "", "If given: trust any server"));
  log_subject::add_subject_options(out);
}

void Driver::check(const Options& given, const Call& /*call*/) {
  std::vector<OptionInfo> known;
  options(known);
  log_subject::check_names(given, known, "syslog log driver");
  (void)parse_address(text_of(given, "syslog-address"));
  (void)parse_facility(text_of(given, "syslog-facility"));
  check_format(text_of(given, "syslog-format"));
}

void Driver::plan(const log::v1::Subject& subject, const Options& given, log::v1::Plan& out, const Call& /*call*/) {
  log_subject::check_expressions(given);
  const std::string address = text_of(given, "syslog-address");
  out.writer = "process";
  out.settings["address"] = address;
  out.settings["facility"] = text_of(given, "syslog-facility");
  out.settings["format"] = text_of(given, "syslog-format");
  out.settings["tag"] = log_subject::tag_of(subject, given, kDefaultTag);
  for (const auto& [name, value] : given) {
    if (name.starts_with("syslog-tls-")) out.settings[name] = value;
  }
  // A server that is not there fails the start, not the first line.
  Server{parse_address(address), tls_settings(given)}.connect();
}

void Driver::open(const Options& settings) {
  style_.format = settings.at("format");
  style_.facility = parse_facility(settings.at("facility"));
  style_.tag = settings.at("tag");
  std::array<char, 256> name{};
  style_.host = ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
  style_.pid = ::getpid();
  Address address = parse_address(settings.at("address"));
  style_.counted = address.protocol == kTls;
  server_.emplace(std::move(address), tls_settings(settings));
}

void Driver::write(const log::v1::Entry& entry) { server_->send(format_message(style_, entry)); }

}  // namespace gantry::log_syslog
