#include "wire/container_config.hpp"

#include <nlohmann/json.hpp>

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (body.is_discarded()) return;
  gantry::wire::CreateBody first;
  gantry::wire::from_json(body, first);
  // What was accepted is accepted again when it comes back out of the store.
  const std::string written =
      gantry::wire::to_json(first).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  gantry::wire::CreateBody second;
  gantry::wire::from_json(nlohmann::json::parse(written), second);
}
