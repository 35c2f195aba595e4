#include "log_subject/time_text.hpp"

#include <array>
#include <ctime>

namespace gantry::log_subject {

std::string rfc3339(std::int64_t time) {
  const auto seconds = static_cast<std::time_t>(time / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::string out{text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts)};
  if (std::string digits = std::to_string(time % 1'000'000'000); digits != "0") {
    digits.insert(0, 9 - digits.size(), '0');
    digits.erase(digits.find_last_not_of('0') + 1);
    out += "." + digits;
  }
  return out + "Z";
}

}  // namespace gantry::log_subject
