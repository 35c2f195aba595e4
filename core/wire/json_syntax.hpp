#pragma once

#include <string>
#include <string_view>

namespace gantry::wire {

/// What Go's encoding/json complains of in the first value of a text: "invalid character '}' looking for beginning of
/// value", "unexpected EOF". Empty: nothing. What follows that value does not matter.
std::string json_complaint(std::string_view text);

}  // namespace gantry::wire
