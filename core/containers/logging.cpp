#include "containers/logging.hpp"

#include "base/log_settings.hpp"
#include "containers/impl.hpp"
#include "containers/spec.hpp"

namespace gantry::containers {

namespace {

[[noreturn]] void refuse_log(const std::string& reason) { throw Error{Errc::invalid, reason}; }

std::uint64_t buffer_size(const std::string& text) {
  try {
    return parse_bytes(text, "max-buffer-size");
  } catch (const Error&) {
    refuse_log("error parsing option max-buffer-size: invalid size: '" + text + "'");
  }
}

}  // namespace

LogOptions split_log_options(const wire::LogConfig& log) {
  LogOptions out;
  for (const auto& [name, value] : log.config) {
    if (name != "mode" && name != "max-buffer-size") out.driver[name] = value;
  }
  const auto mode = log.config.find("mode");
  if (mode != log.config.end() && !mode->second.empty() && mode->second != "blocking") {
    if (mode->second != "non-blocking") refuse_log("logger: logging mode not supported: " + mode->second);
    out.non_blocking = true;
  }
  if (const auto size = log.config.find("max-buffer-size"); size != log.config.end()) {
    if (!out.non_blocking) refuse_log("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    out.max_buffer_size = buffer_size(size->second);
  }
  return out;
}

log::v1::Subject log_subject(const Container& container, const std::string& folder) {
  log::v1::Subject out;
  out.id = container.id;
  out.name = container.name;
  out.image_id = container.image_id;
  out.image_name = container.config.image;
  out.created = container.created;
  out.command = container.command();
  out.env = container.config.env;
  out.labels = Options(container.config.labels.begin(), container.config.labels.end());
  out.daemon_name = "docker";
  out.directory = folder;
  return out;
}

plugins::LogDriver Service::Impl::log_driver_of(const Container& container) const {
  try {
    return at.drivers.log(container.host_config.log_config.type);
  } catch (const Error& error) {
    // As dockerd: a client that hears "not found" pulls the image.
    throw Error{Errc::invalid, error.what()};
  }
}

awaitable<void> Service::Impl::check_log(const Container& container) {
  const auto driver = log_driver_of(container);
  const Options options = split_log_options(container.host_config.log_config).driver;
  plugins::CallSettings call_settings;
  const auto ask_to_check = [options](auto& logs, const Call& call) { logs.check(options, call); };
  co_await at.drivers.call(driver, Pool::quick, call_settings, ask_to_check);
}

awaitable<log::v1::Plan> Service::Impl::plan_log(std::shared_ptr<const Container> container) {
  const auto driver = log_driver_of(*container);
  const LogOptions options = split_log_options(container->host_config.log_config);
  const log::v1::Subject subject = containers::log_subject(*container, folder(container->id));
  plugins::CallSettings call_settings;
  const auto ask_for_plan = [subject, given = options.driver](auto& logs, const Call& call) {
    log::v1::Plan out;
    logs.plan(subject, given, out, call);
    return out;
  };
  log::v1::Plan plan;
  try {
    plan = co_await at.drivers.call(driver, Pool::quick, call_settings, ask_for_plan);
  } catch (const Error& error) {
    throw Error{
        error.code(),
        std::string("failed to create task for container: failed to initialize logging driver: ") + error.what()};
  }
  const bool files_only = plan.writer == "none" || plan.writer == "json-file";
  if (!files_only && !runtime_of(*container).can("log-plan")) {
    throw Error{Errc::unsupported, "runtime " + container->host_config.runtime + " cannot log by the driver " +
                                       driver.name() + ": it keeps json-file logs only"};
  }
  plan.non_blocking = options.non_blocking;
  plan.max_buffer_size = options.max_buffer_size;
  const std::string program = at.drivers.libexec_dir() + "/gantry-logger";
  if (plan.compress) plan.compressor = {program, "compress"};
  if (plan.writer == "process") {
    if (!driver.can(log::v1::Writer::kAbility)) {
      throw Error{Errc::internal, "log driver " + driver.name() + " plans a process and has no writer"};
    }
    plan.command = {program, "write", driver.info().file};
    plan.head = encode_log_settings(plan.settings);
  }
  co_return plan;
}

log::v1::Subject Service::log_subject(const Container& container) const {
  return containers::log_subject(container, impl_->folder(container.id));
}

bool Service::can_read_log(const Container& container) const {
  try {
    return impl_->log_driver_of(container).can(log::v1::Reader::kAbility);
  } catch (const Error&) {
    return false;
  }
}

awaitable<void> Service::clear_logs(std::string name) {
  Held held = co_await impl_->hold(name);
  const std::string id = held.container->id;
  if (!can_read_log(*held.container)) {
    throw Error{Errc::unsupported, "configured logging driver does not support reading"};
  }
  const auto driver = impl_->log_driver_of(*held.container);
  const log::v1::Subject subject = log_subject(*held.container);
  const Options options = split_log_options(held.container->host_config.log_config).driver;
  plugins::CallSettings call_settings;
  const auto ask_to_clear = [subject, options](auto& logs, const Call& call) {
    auto* reader = static_cast<log::v1::Reader*>(logs.query(log::v1::Reader::kAbility));
    if (reader != nullptr) reader->clear(subject, options, call);
  };
  co_await impl_->at.drivers.call(driver, Pool::quick, call_settings, ask_to_clear);
  if (!is_alive(held.container->state)) co_return;
  // The writer appends, so its next line is the file's first; it only has to learn how long the file is.
  const auto ask_to_reopen = [id](auto& runtime, const Call& call) { runtime.reopen_log(id, call); };
  co_await impl_->at.drivers.call(impl_->runtime_of(*held.container), Pool::quick, call_settings, ask_to_reopen);
}

}  // namespace gantry::containers
