#include "commands/attach_stream.hpp"

#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "terminal/signals.hpp"

namespace gantry::cli {

std::unique_ptr<Exchange> begin_hijack(Client& client, const std::string& path, const std::string& body) {
  return client.begin("POST", path, body, {{"Connection", "Upgrade"}, {"Upgrade", "tcp"}});
}

ContainerControl::ContainerControl(Client& client, std::string id, std::string resize_path)
    : client_(client), id_(std::move(id)), resize_path_(std::move(resize_path)) {
  if (resize_path_.empty()) resize_path_ = "/containers/" + id_;
}

void ContainerControl::resize(TerminalSize size) {
  if (size.rows == 0 || size.columns == 0) return;
  try {
    client_.post(resize_path_ + "/resize?h=" + std::to_string(size.rows) + "&w=" + std::to_string(size.columns));
  } catch (const std::exception&) {
    // ended meanwhile
  }
}

void ContainerControl::signal(int number) {
  try {
    client_.post("/containers/" + id_ + "/kill?signal=" + signal_name(number));
  } catch (const std::exception&) {
    // ended meanwhile
  }
}

int read_exit_status(Exchange& waiting) {
  const Json answer = Json::parse(waiting.read_body(), nullptr, false);
  if (!answer.is_object()) throw Failure("error waiting for container: unexpected EOF", 125);
  const auto error = answer.find("Error");
  if (error != answer.end() && error->is_object() && !error->value("Message", "").empty()) {
    throw Failure("error waiting for container: " + error->value("Message", ""), 125);
  }
  return static_cast<int>(answer.value("StatusCode", 0));
}

}  // namespace gantry::cli
