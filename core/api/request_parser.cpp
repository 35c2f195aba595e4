#include "api/request_parser.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>

namespace gantry::api {

namespace {

constexpr std::size_t kLongestName = 4 * 1024;
constexpr std::size_t kLongestShort = 32 * 1024;  // name and value
/// Each costs some 100 bytes, however short it is.
constexpr std::size_t kMostFields = 4096;

/// Where a request ends, and what becomes of the connection, is Beast's to know.
bool frames(http::field known) {
  switch (known) {
    case http::field::connection:
    case http::field::content_length:
    case http::field::expect:
    case http::field::trailer:
    case http::field::transfer_encoding:
    case http::field::upgrade:
      return true;
    default:
      return false;
  }
}

}  // namespace

void RequestParser::on_field_impl(http::field known, boost::beast::string_view name, boost::beast::string_view value,
                                  boost::beast::error_code& failed) {
  const bool is_long = name.size() + value.size() > kLongestShort;
  if (++count_ > kMostFields || name.size() > kLongestName || (is_long && frames(known))) {
    failed = http::error::header_limit;
  } else if (is_long) {
    const std::string text{name.data(), name.size()};
    if (!field(text)) long_.emplace_back(text, std::string{value.data(), value.size()});
  } else {
    get().insert(known, name, value);
  }
}

std::optional<std::string> RequestParser::field(std::string_view name) const {
  const boost::beast::string_view wanted{name.data(), name.size()};
  const auto kept = std::find_if(long_.begin(), long_.end(),
                                 [&](const auto& field) { return boost::beast::iequals(field.first, wanted); });
  if (kept != long_.end()) return kept->second;
  const auto found = get().find(wanted);
  if (found == get().end()) return std::nullopt;
  return std::string{found->value().data(), found->value().size()};
}

std::size_t RequestParser::forget() {
  long_ = {};
  std::size_t kept = get().target().size();
  for (auto at = get().begin(); at != get().end();) {
    const auto current = at++;
    if (frames(current->name())) {
      kept += current->name_string().size() + current->value().size();
    } else {
      get().erase(current);
    }
  }
  return kept;
}

}  // namespace gantry::api
