#include "driver.hpp"

#include <unistd.h>

#include <array>

#include "log_subject/option_text.hpp"
#include "message.hpp"

namespace gantry::gelf {

namespace {

constexpr const char* kMembers = "members";

}  // namespace

void* Driver::query(std::string_view ability) noexcept {
  return ability == Writer::kAbility ? static_cast<Writer*>(this) : nullptr;
}

void Driver::options(std::vector<OptionInfo>& out) const {
  using log_subject::object_option;
  out.push_back(object_option("gelf-address", "", "udp://host:port or tcp://host:port; must be given"));
  out.push_back(object_option("gelf-compression-type", "gzip", "UDP: gzip, zlib or none"));
  out.push_back(object_option("gelf-compression-level", "1", "UDP: -1 to 9"));
  out.push_back(object_option("gelf-tcp-max-reconnect", "3", "TCP: how often a server is tried again"));
  out.push_back(object_option("gelf-tcp-reconnect-delay", "1", "TCP: seconds between that"));
  log_subject::add_subject_options(out);
}

void Driver::check(const Options& given, const Call& /*call*/) {
  // As dockerd, which misses the address before anything else.
  (void)parse_settings({{"gelf-address", log_subject::text_of(given, "gelf-address")}});
  std::vector<OptionInfo> known;
  options(known);
  log_subject::check_names(given, known, "gelf log driver");
  (void)parse_settings(given);
}

void Driver::plan(const log::v1::Subject& subject, const Options& given, log::v1::Plan& out, const Call& /*call*/) {
  Endpoint{parse_settings(given)}.connect();
  out.writer = "process";
  for (const auto& [name, value] : given) {
    if (name.starts_with("gelf-")) out.settings[name] = value;
  }
  out.settings[kMembers] = container_members(subject, given);
}

void Driver::open(const Options& settings) {
  Options given = settings;
  members_ = settings.at(kMembers);
  given.erase(kMembers);
  std::array<char, 256> name{};
  host_ = ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
  endpoint_.emplace(parse_settings(given));
}

void Driver::write(const log::v1::Entry& entry) {
  if (entry.text.empty()) return;  // as dockerd
  endpoint_->send(format_message(host_, entry, members_));
}

}  // namespace gantry::gelf
