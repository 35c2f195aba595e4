#include "runtime_log.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "container_shim/container_files.hpp"
#include "container_shim/protocol.hpp"

namespace gantry::oci {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxMessage = 4096;

/// What runc says before the words that dockerd's users know.
constexpr std::string_view kBeginnings[] = {
    "runc create failed: ", "exec failed: ", "unable to start container process: "};

/// crun's `x` is runc's exec: "x". The interface has runc's words for a program that is not there.
std::string missing_program(const std::string& message) {
  constexpr std::string_view begin = "executable file `", end = "` not found";
  const std::size_t first = message.find(begin);
  const std::size_t last = first == std::string::npos ? first : message.find(end, first);
  if (last == std::string::npos) return {};
  const std::size_t name = first + begin.size();
  return "exec: \"" + message.substr(name, last - name) + "\": executable file not found in $PATH";
}

std::string without_beginnings(std::string message) {
  for (const std::string_view beginning : kBeginnings) {
    if (message.starts_with(beginning)) message.erase(0, beginning.size());
  }
  return message;
}

/// What went wrong as Go writes it, and as clients look for it to choose their exit code.
std::string in_lower_case(std::string message) {
  for (const std::string_view reason : {"No such file or directory", "Permission denied", "Invalid argument"}) {
    const std::size_t at = message.find(reason);
    if (at != std::string::npos) message[at] = static_cast<char>(message[at] - 'A' + 'a');
  }
  return message;
}

bool has_text(const std::string& message, std::string_view text) { return message.find(text) != std::string::npos; }

Errc code_of(const std::string& message) {
  if (has_text(message, "executable file") || has_text(message, "o such file or directory")) return Errc::not_found;
  if (has_text(message, "ermission denied")) return Errc::denied;
  return Errc::invalid;
}

}  // namespace

std::string last_error(std::string_view log) {
  std::string found;
  std::istringstream lines{std::string(log)};
  for (std::string line; std::getline(lines, line);) {
    const Json entry = Json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("msg") || !entry["msg"].is_string()) continue;
    const Json level = entry.value("level", Json());
    if (level == "error" || level == "fatal") found = entry["msg"].get<std::string>();
  }
  return found.substr(0, kMaxMessage);
}

Error runtime_error(const Error& error, const std::string& what, const std::string& log_file) {
  const std::string shim = error.what();
  if (shim.starts_with(container_shim::kOciRuntimeLate)) {
    return {Errc::unavailable, "OCI runtime " + what + " failed: " + shim};
  }
  if (!shim.starts_with(container_shim::kOciRuntimeFailed)) return error;
  std::string message = in_lower_case(last_error(container_shim::read_text(log_file)));
  if (std::string missing = missing_program(message); !missing.empty()) return {Errc::not_found, missing};
  if (std::string exec = without_beginnings(message); exec.starts_with("exec: \"")) return {code_of(exec), exec};
  if (message.empty()) message = shim + ", and its log says nothing";
  return {code_of(message), "OCI runtime " + what + " failed: " + message};
}

}  // namespace gantry::oci
