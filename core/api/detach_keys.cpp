#include <algorithm>
#include <cctype>

#include "api/streams.hpp"

namespace gantry::api {

namespace {

// One key of the sequence as docker/go-units/term names it: a character, "ctrl-<x>" or "del"; -1 if it is none.
int key_byte(std::string_view key) {
  if (key.size() == 1) return static_cast<unsigned char>(key[0]);
  std::string name{key};
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "del") return 127;
  if (name.size() != 6 || !name.starts_with("ctrl-")) return -1;
  const char c = name[5];
  if (c >= 'a' && c <= 'z') return c - 'a' + 1;
  constexpr std::string_view others = "[\\]^_";
  if (c == '@') return 0;
  if (const auto at = others.find(c); at != std::string_view::npos) return 27 + static_cast<int>(at);
  return -1;
}

}  // namespace

DetachKeys::DetachKeys(const std::string& sequence) {
  std::string_view rest = sequence.empty() ? std::string_view{"ctrl-p,ctrl-q"} : std::string_view{sequence};
  for (;;) {
    const auto end = std::min(rest.find(','), rest.size());
    const int byte = key_byte(rest.substr(0, end));
    if (byte < 0) throw Error{Errc::invalid, "Invalid detach keys (" + sequence + ") provided"};
    bytes_ += static_cast<char>(byte);
    if (end == rest.size()) return;
    rest.remove_prefix(end + 1);
  }
}

bool DetachKeys::filter(std::string_view input, std::string& out) {
  for (const char c : input) {
    // After a mismatch the held bytes may themselves contain the start of a new sequence: give up one at a time.
    while (matched_ > 0 && c != bytes_[matched_]) {
      std::size_t keep = matched_ - 1;
      while (keep > 0 && bytes_.compare(matched_ - keep, keep, bytes_, 0, keep) != 0) --keep;
      out.append(bytes_, 0, matched_ - keep);
      matched_ = keep;
    }
    if (c == bytes_[matched_]) {
      if (++matched_ == bytes_.size()) {
        matched_ = 0;
        return true;
      }
    } else {
      out += c;
    }
  }
  return false;
}

}  // namespace gantry::api
