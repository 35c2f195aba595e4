#include "api/websocket.hpp"

#include <cstdlib>

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  gantry::api::WebSocketDecoder whole;
  std::string data;
  std::string replies;
  whole.decode(text, data, replies);
  if (data.size() > text.size()) std::abort();
  // In pieces it is the same.
  gantry::api::WebSocketDecoder pieces;
  std::string again;
  std::string replies_again;
  for (const char byte : text) pieces.decode({&byte, 1}, again, replies_again);
  if (again != data || replies_again != replies || pieces.closed() != whole.closed()) std::abort();
}
