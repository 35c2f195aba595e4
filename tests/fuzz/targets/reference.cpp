#include "images/reference.hpp"

#include <cstdlib>

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  const gantry::images::Reference parsed = gantry::images::parse_reference(text);
  // What it says of itself is a name for the same image.
  if (!(gantry::images::parse_reference(parsed.str()) == parsed)) std::abort();
  if (parsed.path.find("..") != std::string::npos) std::abort();
}
