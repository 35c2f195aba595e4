#include "driver.hpp"

#include <unistd.h>

#include "fields.hpp"
#include "log_subject/option_text.hpp"

namespace gantry::journald {

namespace {

constexpr const char* kSocket = "/run/systemd/journal/socket";

}  // namespace

void* Driver::query(std::string_view ability) noexcept {
  return ability == Writer::kAbility ? static_cast<Writer*>(this) : nullptr;
}

void Driver::options(std::vector<OptionInfo>& out) const {
  out.push_back({"socket", OptionType::path, OptionScope::driver, kSocket, "journald's socket"});
  log_subject::add_subject_options(out);
}

void Driver::open(Host& host) { path_ = host.options().at("socket"); }

void Driver::check(const Options& given, const Call& /*call*/) {
  std::vector<OptionInfo> known;
  options(known);
  log_subject::check_names(given, known, "journald log driver");
}

void Driver::plan(const log::v1::Subject& subject, const Options& given, log::v1::Plan& out, const Call& /*call*/) {
  if (::access(path_.c_str(), W_OK) != 0) throw Error{Errc::unavailable, "journald is not enabled on this host"};
  out.writer = "process";
  out.settings["socket"] = path_;
  out.settings["fields"] = container_fields(subject, given);
}

void Driver::open(const Options& settings) {
  fields_ = settings.at("fields");
  socket_.emplace(settings.at("socket"));
}

void Driver::write(const log::v1::Entry& entry) { socket_->send(entry_fields(entry, ++ordinal_) + fields_); }

}  // namespace gantry::journald
