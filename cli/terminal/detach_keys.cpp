#include "terminal/detach_keys.hpp"

#include "command/failure.hpp"

namespace gantry::cli {

namespace {

char key_byte(std::string_view key, const std::string& all) {
  if (key.size() == 1) return key[0];
  if (key == "DEL") return 127;
  if (key.size() == 6 && key.substr(0, 5) == "ctrl-") {
    const char c = key[5];
    if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 1);
    if (c == '@') return 0;
    const auto control = std::string_view("[\\]^_").find(c);
    if (control != std::string_view::npos) return static_cast<char>(27 + control);
  }
  throw Failure("invalid detach keys (" + all + "): Unknown character: '" + std::string(key) + "'");
}

}  // namespace

std::string parse_detach_keys(const std::string& text) {
  std::string bytes;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto comma = rest.find(',', 1);
    bytes += key_byte(rest.substr(0, comma), text);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  return bytes;
}

std::string DetachFilter::feed(std::string_view typed) {
  std::string out;
  for (const char c : typed) {
    if (detached_) break;
    if (!sequence_.empty() && c == sequence_[matched_]) {
      detached_ = ++matched_ == sequence_.size();
      continue;
    }
    out += sequence_.substr(0, matched_);
    matched_ = !sequence_.empty() && c == sequence_[0] ? 1 : 0;
    if (matched_ == 0) out += c;
    detached_ = matched_ == sequence_.size() && matched_ > 0;
  }
  return out;
}

}  // namespace gantry::cli
