#include "containers/logging.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <type_traits>

#include "base/log_settings.hpp"
#include "base/time_in_words.hpp"
#include "containers/impl.hpp"
#include "containers/spec.hpp"

namespace gantry::containers {

namespace {

constexpr const char* kCacheDriver = "local";  // as dockerd
constexpr std::string_view kCachePrefix = "cache-";
constexpr const char* kCacheDisabled = "cache-disabled";
constexpr std::chrono::milliseconds kGrace{2000};  // for one that hears of its end
constexpr const char* kStartFailure = "failed to create task for container: failed to initialize logging driver: ";

[[noreturn]] void refuse_log(const std::string& reason) { throw Error{Errc::invalid, reason}; }

std::uint64_t buffer_size(const std::string& text) {
  if (text == "0") return 0;
  try {
    return parse_bytes(text, "max-buffer-size");
  } catch (const Error&) {
    refuse_log("error parsing option max-buffer-size: invalid size: '" + text + "'");
  }
}

bool is_cache_disabled(const std::string& text) {
  static const std::set<std::string> yes{"1", "t", "T", "TRUE", "true", "True"};
  static const std::set<std::string> no{"", "0", "f", "F", "FALSE", "false", "False"};
  if (!yes.contains(text) && !no.contains(text)) {
    refuse_log(std::string("invalid value for option ") + kCacheDisabled + ": " + text);
  }
  return yes.contains(text);
}

Options cache_options(const wire::LogConfig& log) {
  Options out;
  for (const auto& [name, value] : log.config) {
    if (is_own_log_option(name) && name.starts_with(kCachePrefix)) out[name.substr(kCachePrefix.size())] = value;
  }
  return out;
}

bool answers_at_once(const plugins::LogDriver& driver, const Options& options) {
  if (!driver.can(log::v1::Instant::kAbility)) return false;
  return plugins::Drivers::call_here(driver, [&options](auto& logs, const Call&) {
    const auto* instant = static_cast<const log::v1::Instant*>(logs.query(log::v1::Instant::kAbility));
    return instant != nullptr && instant->answers_at_once(options);
  });
}

/// How log drivers are asked on behalf of a container.
struct Asking {
  plugins::Drivers& drivers;
  PromptAnswers& prompt;
  std::chrono::milliseconds limit;
  std::string container;
  std::shared_ptr<plugins::CancelSource>* under_way{};  ///< Where the call's cancellation is to be found meanwhile.

  [[nodiscard]] plugins::CallSettings call_settings() const {
    plugins::CallSettings out;
    out.time_limit = limit;
    out.grace = std::min(limit, kGrace);
    if (under_way != nullptr) out.cancel = *under_way = std::make_shared<plugins::CancelSource>();
    return out;
  }

  [[nodiscard]] bool is_prompt(const plugins::LogDriver& driver, const std::string& method) const {
    const auto known = prompt.find(driver.name() + "." + method);
    return known != prompt.end() && known->second.lock() == driver.driver();
  }

  /// The driver's own word, unless it came of the limit.
  [[nodiscard]] Error told(const plugins::LogDriver& driver, const Error& error,
                           std::chrono::steady_clock::time_point begun) const {
    const bool late = error.code() == Errc::unavailable && std::chrono::steady_clock::now() - begun >= limit;
    const bool cancelled = under_way != nullptr && *under_way && (*under_way)->cancelled();
    if (!late && !cancelled) return error;
    const std::string who = "log driver \"" + driver.name() + "\" did not answer ";
    const Error hung = late
                           ? Error{Errc::unavailable, who + "within " + in_words(limit) + " for container " + container}
                           : Error{Errc::conflict, who + "for container " + container +
                                                       " before it was to be removed, or the daemon to end"};
    // One that heard of its cancellation has done nothing wrong.
    if (error.code() != Errc::cancelled) spdlog::error("{}", hung.what());
    return hung;
  }
};

/// Nobody cancels a call that has ended.
class UnderWayCall {
 public:
  explicit UnderWayCall(std::shared_ptr<plugins::CancelSource>& place) : place_(place) {}
  ~UnderWayCall() { place_.reset(); }
  UnderWayCall(const UnderWayCall&) = delete;
  UnderWayCall& operator=(const UnderWayCall&) = delete;

 private:
  std::shared_ptr<plugins::CancelSource>& place_;
};

/// A driver holds up neither the daemon nor, for ever, the container: what it answers at once it is asked for at once
/// from the second time on; else it has a limit.
template <class Work>
awaitable<std::invoke_result_t<Work, log::v1::Driver&, const Call&>> ask(Asking how, plugins::LogDriver driver,
                                                                         std::string method, Options options,
                                                                         Work work) {
  if (how.is_prompt(driver, method) && answers_at_once(driver, options)) {
    co_return plugins::Drivers::call_here(driver, work);
  }
  const auto begun = std::chrono::steady_clock::now();
  const plugins::CallSettings call_settings = how.call_settings();
  std::optional<Error> failure;
  try {
    const auto answered = [&] { how.prompt[driver.name() + "." + method] = driver.driver(); };
    if constexpr (std::is_void_v<std::invoke_result_t<Work, log::v1::Driver&, const Call&>>) {
      co_await how.drivers.call(driver, Pool::quick, call_settings, work);
      answered();
      co_return;
    } else {
      auto out = co_await how.drivers.call(driver, Pool::quick, call_settings, work);
      answered();
      co_return out;
    }
  } catch (const Error& error) {
    failure = how.told(driver, error, begun);
  }
  throw Error{*failure};
}

awaitable<log::v1::Plan> ask_for_plan(Asking how, plugins::LogDriver driver, log::v1::Subject subject,
                                      Options options) {
  const auto work = [subject = std::move(subject), options](auto& logs, const Call& call) {
    log::v1::Plan out;
    logs.plan(subject, options, out, call);
    return out;
  };
  const std::string method = "plan";
  co_return co_await ask(std::move(how), std::move(driver), method, options, work);
}

}  // namespace

bool is_own_log_option(const std::string& name) {
  static const std::set<std::string> own{"mode",           "max-buffer-size", kCacheDisabled,
                                         "cache-max-size", "cache-max-file",  "cache-compress"};
  return own.contains(name);
}

LogOptions split_log_options(const wire::LogConfig& log) {
  LogOptions out;
  for (const auto& [name, value] : log.config) {
    if (!is_own_log_option(name)) out.driver[name] = value;
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
  const auto disabled = log.config.find(kCacheDisabled);
  if (disabled == log.config.end() || !is_cache_disabled(disabled->second)) {
    out.cache = cache_options(log);
    out.cache->erase("disabled");
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
  // As dockerd, which looks at nothing of what nobody writes.
  if (container.host_config.log_config.type == "none") co_return;
  const Options options = split_log_options(container.host_config.log_config).driver;
  const auto ask_to_check = [options](auto& logs, const Call& call) { logs.check(options, call); };
  Asking how{at.drivers, prompt_logs, settings.log_driver_limit, container.name};
  const std::string method = "check";
  co_await ask(how, driver, method, options, ask_to_check);
}

awaitable<log::v1::Plan> Service::Impl::plan_log(std::shared_ptr<const Container> container) {
  const auto driver = log_driver_of(*container);
  const LogOptions options = split_log_options(container->host_config.log_config);
  const log::v1::Subject subject = containers::log_subject(*container, folder(container->id));
  log::v1::Plan plan;
  const auto its = live(container->id);
  const UnderWayCall under_way{its->log_call};
  const Asking how{at.drivers, prompt_logs, settings.log_driver_limit, container->name, &its->log_call};
  try {
    plan = co_await ask_for_plan(how, driver, subject, options.driver);
    const bool gives_nothing_back = plan.writer == "process" && !driver.can(log::v1::Reader::kAbility);
    if (gives_nothing_back && options.cache) co_await plan_cache(subject, *options.cache, plan);
  } catch (const Error& error) {
    throw Error{error.code(), kStartFailure + std::string(error.what())};
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
    plan.command = {program, "write", driver.info().file, settings.log_notices, container->id};
    plan.head = encode_log_settings(plan.settings);
  }
  co_return plan;
}

/// The copy that is read back: a file beside the process.
awaitable<void> Service::Impl::plan_cache(log::v1::Subject subject, Options options, log::v1::Plan& plan) {
  const auto cache = at.drivers.find_log(kCacheDriver);
  if (!cache) co_return;
  const Asking how{at.drivers, prompt_logs, settings.log_driver_limit, subject.name};
  std::string refusal;
  log::v1::Plan copy;
  try {
    copy = co_await ask_for_plan(how, cache, subject, options);
  } catch (const Error& error) {
    if (error.code() != Errc::invalid || options.empty()) throw;
    refusal = error.what();
  }
  if (!refusal.empty()) {
    // dockerd starts a container whatever they are.
    spdlog::warn("container {}: its log's cache goes by the defaults: {}", subject.id, refusal);
    const Options none;
    copy = co_await ask_for_plan(how, cache, subject, none);
  }
  if (copy.writer != "local") co_return;
  plan.path = copy.path;
  plan.max_size = copy.max_size;
  plan.max_files = copy.max_files;
  plan.compress = copy.compress;
}

std::optional<LogSource> Service::log_source(const Container& container) const {
  const plugins::Drivers& drivers = impl_->at.drivers;
  const auto driver = drivers.find_log(container.host_config.log_config.type);
  if (!driver) return std::nullopt;
  LogOptions options = split_log_options(container.host_config.log_config);
  LogSource out{driver, containers::log_subject(container, impl_->folder(container.id)), std::move(options.driver)};
  if (driver.can(log::v1::Reader::kAbility)) return out;
  if (!driver.can(log::v1::Writer::kAbility) || !options.cache) return std::nullopt;
  out.driver = drivers.find_log(kCacheDriver);
  out.options = std::move(*options.cache);
  if (!out.driver || !out.driver.can(log::v1::Reader::kAbility)) return std::nullopt;
  return out;
}

awaitable<void> Service::clear_logs(std::string name) {
  Held held = co_await impl_->hold(name);
  const std::string id = held.container->id;
  const auto source = log_source(*held.container);
  if (!source) throw Error{Errc::unsupported, kNoLogReader};
  const Asking how{impl_->at.drivers, impl_->prompt_logs, impl_->settings.log_driver_limit, held.container->name};
  const plugins::CallSettings log_settings = how.call_settings();
  const auto ask_to_clear = [subject = source->subject, options = source->options](auto& logs, const Call& call) {
    auto* reader = static_cast<log::v1::Reader*>(logs.query(log::v1::Reader::kAbility));
    if (reader != nullptr) reader->clear(subject, options, call);
  };
  const auto begun = std::chrono::steady_clock::now();
  std::optional<Error> failure;
  try {
    co_await impl_->at.drivers.call(source->driver, Pool::quick, log_settings, ask_to_clear);
  } catch (const Error& error) {
    failure = how.told(source->driver, error, begun);
  }
  if (failure) throw Error{*failure};
  if (!is_alive(held.container->state)) co_return;
  // The writer appends, so its next line is the file's first; it only has to learn how long the file is.
  plugins::CallSettings call_settings;
  const auto ask_to_reopen = [id](auto& runtime, const Call& call) { runtime.reopen_log(id, call); };
  co_await impl_->at.drivers.call(impl_->runtime_of(*held.container), Pool::quick, call_settings, ask_to_reopen);
}

}  // namespace gantry::containers
