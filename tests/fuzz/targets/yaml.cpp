#include "base/yaml.hpp"

#include <nlohmann/json.hpp>

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  (void)gantry::parse_yaml(std::string{text}).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
