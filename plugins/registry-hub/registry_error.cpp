#include "registry_error.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;
using nlohmann::json;

constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10;

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// Older registries and token servers answer {"details": "..."}; distribution's client shows that as the message.
std::vector<RegistryError> parse_details(const json& document, unsigned status) {
  const std::string details = text_of(document, "details");
  if (details.empty()) return {};
  if (status == 401) return {{"UNAUTHORIZED", details}};
  if (status == 429) return {{"TOOMANYREQUESTS", details}};
  return {{"UNKNOWN", details}};
}

Errc code_for(unsigned status) {
  if (status == 401 || status == 403) return Errc::denied;
  if (status == 404) return Errc::not_found;
  if (status == 400 || status == 405 || status == 413) return Errc::invalid;
  if (status == 429 || status == 502 || status == 503 || status == 504) return Errc::unavailable;
  return Errc::io;
}

struct Failure {
  unsigned status{};
  std::vector<RegistryError> errors;
  std::string text;
};

Failure read_failure(Response& response) {
  Failure failure;
  failure.status = response.status();
  std::string body;
  try {
    body = response.text(kMaxErrorBody);
  } catch (const std::exception&) {
    // The status says enough.
  }
  failure.errors = parse_errors(body);
  if (failure.errors.empty()) {
    const json document = json::parse(body, nullptr, false);
    if (document.is_object()) failure.errors = parse_details(document, failure.status);
  }
  for (const RegistryError& error : failure.errors) failure.text += (failure.text.empty() ? "" : "\n") + error.text();
  if (!failure.text.empty()) return failure;
  if (failure.status == 401) {
    failure.text = "unauthorized: authentication required";
  } else if (failure.status == 429) {
    failure.text = "toomanyrequests: too many requests";
  } else {
    failure.text = "unexpected status code " + response.status_text();
  }
  return failure;
}

}  // namespace

std::string RegistryError::text() const {
  std::string name = code;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '_' ? ' ' : static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return message.empty() ? name : name + ": " + message;
}

std::vector<RegistryError> parse_errors(const std::string& body) {
  std::vector<RegistryError> out;
  const json document = json::parse(body, nullptr, false);
  if (!document.is_object()) return out;
  const auto errors = document.find("errors");
  if (errors == document.end() || !errors->is_array()) return out;
  for (const json& item : *errors) {
    if (!item.is_object() || out.size() == 16) continue;
    RegistryError error{text_of(item, "code"), text_of(item, "message")};
    if (!error.code.empty()) out.push_back(std::move(error));
  }
  return out;
}

gantry::Error to_error(Response& response, const std::string& what) {
  const Failure failure = read_failure(response);
  return {code_for(failure.status), failure.errors.empty() ? what + ": " + failure.text : failure.text};
}

gantry::Error to_pull_error(Response& response, const std::string& what,
                            const gantry::registry::v1::Repository& repository, const std::string& reference) {
  const Failure failure = read_failure(response);
  const std::string name = familiar_name(repository);
  const std::string code = failure.errors.empty() ? "" : failure.errors.front().code;
  if (code == "DENIED") {
    return {Errc::not_found, "pull access denied for " + name +
                                 ", repository does not exist or may require 'docker login': " + failure.text};
  }
  if (code == "NAME_UNKNOWN") return {Errc::not_found, "repository " + name + " not found: " + failure.text};
  if (code == "MANIFEST_UNKNOWN" || (failure.status == 404 && failure.errors.empty())) {
    const std::string text = code.empty() ? "manifest unknown: manifest unknown" : failure.text;
    const char* separator = reference.find(':') == std::string::npos ? ":" : "@";
    return {Errc::not_found, "manifest for " + name + separator + reference + " not found: " + text};
  }
  return {code_for(failure.status), failure.errors.empty() ? what + ": " + failure.text : failure.text};
}

std::string familiar_name(const gantry::registry::v1::Repository& repository) {
  constexpr std::string_view official = "library/";
  if (repository.host != "docker.io") return repository.host + "/" + repository.path;
  return repository.path.starts_with(official) ? repository.path.substr(official.size()) : repository.path;
}

}  // namespace hub
