#include "docker_plugin/client.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "docker_plugin/exchange.hpp"
#include "docker_plugin/limited_call.hpp"
#include "gantry/error.hpp"

namespace gantry::docker_plugin {
namespace {

using nlohmann::json;

constexpr int kOk = 200;
constexpr int kNotFound = 404;
constexpr std::chrono::seconds kSilence{30};

/// Plugins answer errors with a status of their own, or with one in an answer that is right otherwise.
std::string complaint(const Answer& answer, const json& body) {
  if (body.is_object() && body.contains("Err") && body["Err"].is_string()) {
    std::string message = body["Err"].get<std::string>();
    if (!message.empty() || answer.status == kOk) return message;
  }
  if (answer.status == kOk) return {};
  const auto last = answer.body.find_last_not_of("\r\n");
  const std::string text = answer.body.substr(0, last == std::string::npos ? 0 : std::min<std::size_t>(last + 1, 1024));
  return text.empty() ? "status " + std::to_string(answer.status) : text;
}

json body_of(const Answer& answer, const std::string& name, const std::string& method) {
  json body = json::parse(answer.body, nullptr, false);
  const std::string message = complaint(answer, body);
  const bool is_remote = answer.status == kOk && !method.starts_with("VolumeDriver.");
  if (!message.empty() && answer.status == kNotFound) throw NoSuchMethod{Errc::io, method + ": " + message};
  if (!message.empty()) throw Error{Errc::io, (is_remote ? "remote" : method) + ": " + message};
  // Some answer "null" where there is nothing to say.
  if (body.is_null() && answer.status == kOk) body = json::object();
  if (!body.is_object())
    throw Error{Errc::invalid, "plugin " + name + ": " + method + ": the answer is no JSON object"};
  return body;
}

}  // namespace

Client::Client(Folders folders, std::string name, std::string subsystem)
    : folders_(std::move(folders)), name_(std::move(name)), subsystem_(std::move(subsystem)) {}

bool Client::exists() const { return find_plugin(folders_, name_).has_value(); }

bool Client::is_silent() {
  const std::lock_guard lock(mutex_);
  return Clock::now() < silent_until_;
}

void Client::note_silence(Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  silent_until_ = until;
}

json Client::ask(const Address& address, const std::string& method, const json& request, const Call& call) {
  const auto* limited = dynamic_cast<const LimitedCall*>(&call);
  const std::string about = "plugin " + name_ + ": " + method + ": ";
  if (limited != nullptr && limited->is_farewell() && is_silent()) {
    throw Error{Errc::unavailable, about + "not tried, as it did not answer just now"};
  }
  Answer answer;
  try {
    answer = post(address, "/" + method, request.dump(-1, ' ', false, json::error_handler_t::replace), call);
  } catch (const Error& error) {
    const bool late = error.code() == Errc::cancelled && limited != nullptr && limited->expired();
    if (late && limited->is_farewell()) note_silence(Clock::now() + kSilence);
    throw Error{late ? Errc::unavailable : error.code(), about + (late ? "it does not answer" : error.what())};
  }
  note_silence({});
  return body_of(answer, name_, method);
}

json Client::call(const std::string& method, const json& request, const Call& call) {
  const auto address = find_plugin(folders_, name_);
  if (!address) throw Error{Errc::not_found, "plugin \"" + name_ + "\" not found"};
  activate(*address, call);
  return ask(*address, subsystem_ + "." + method, request, call);
}

void Client::activate(const Address& address, const Call& call) {
  const std::string key = address.path + address.host + ":" + address.port;
  {
    const std::lock_guard lock(mutex_);
    if (active_ == key) return;
  }
  const json answer = ask(address, "Plugin.Activate", json::object(), call);
  const json implements = answer.value("Implements", json::array());
  if (!implements.is_array() || std::find(implements.begin(), implements.end(), subsystem_) == implements.end()) {
    throw Error{Errc::not_found, "plugin \"" + name_ + "\" not found: it implements no " + subsystem_};
  }
  const std::lock_guard lock(mutex_);
  active_ = key;
}

}  // namespace gantry::docker_plugin
