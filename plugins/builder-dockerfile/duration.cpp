#include <cstdint>
#include <string>

#include "instruction.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};
constexpr Unit kUnits[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};

}  // namespace

std::int64_t parse_duration(std::string_view text) {
  const auto refuse = [&]() -> Error { return {Errc::invalid, "time: invalid duration " + quote(text)}; };
  if (text == "0") return 0;
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty()) throw refuse();
  double total = 0;
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const std::size_t letters = std::min(rest.find_first_of("0123456789.", digits), rest.size());
    if (digits == 0 || digits > 18 || rest.substr(0, digits) == ".") throw refuse();
    if (letters == digits) throw Error{Errc::invalid, "time: missing unit in duration " + quote(text)};
    const std::string_view name = rest.substr(digits, letters - digits);
    const Unit* unit = nullptr;
    for (const Unit& known : kUnits) {
      if (known.name == name) unit = &known;
    }
    if (unit == nullptr)
      throw Error{Errc::invalid, "time: unknown unit " + quote(name) + " in duration " + quote(text)};
    total += std::strtod(std::string{rest.substr(0, digits)}.c_str(), nullptr) * unit->nanoseconds;
    rest.remove_prefix(letters);
  }
  if (total > 9e18) throw refuse();
  return static_cast<std::int64_t>(negative ? -total : total);
}

std::string show_duration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < 0) return "-" + show_duration(-nanoseconds);
  const auto decimal = [](std::int64_t value, std::int64_t unit) {
    std::string out = std::to_string(value / unit);
    std::string fraction = std::to_string(unit + value % unit).substr(1);
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return fraction.empty() ? out : out + "." + fraction;
  };
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (nanoseconds < 1000) return std::to_string(nanoseconds) + "ns";
  if (nanoseconds < 1'000'000) return decimal(nanoseconds, 1000) + "\u00b5s";
  if (nanoseconds < kSecond) return decimal(nanoseconds, 1'000'000) + "ms";
  const std::int64_t minutes = nanoseconds / (60 * kSecond);
  std::string out = decimal(nanoseconds % (60 * kSecond), kSecond) + "s";
  if (minutes > 0) out = std::to_string(minutes % 60) + "m" + out;
  if (minutes >= 60) out = std::to_string(minutes / 60) + "h" + out;
  return out;
}

}  // namespace gantry::dockerfile
