#include "api/exchange.hpp"

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  static_cast<void>(gantry::api::parse_query(text));
  static_cast<void>(gantry::api::decode_query(text));
}
