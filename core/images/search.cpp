#include "images/search.hpp"

#include <algorithm>
#include <charconv>

#include "gantry/error.hpp"
#include "images/query.hpp"

namespace gantry::images {
namespace {

/// As Go's strconv.Atoi reads it.
std::int64_t stars_of(const std::string& text) {
  std::int64_t out = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, out);
  const bool signs = text.size() > 1 && text[0] == '+' && text[1] == '-';
  if (error == std::errc{} && rest == end && !signs) return out;
  const char* why = error == std::errc::result_out_of_range ? "value out of range" : "invalid syntax";
  throw Error{Errc::invalid, "invalid filter 'stars=" + text + "': strconv.Atoi: parsing \"" + text + "\": " + why};
}

/// Takes the registry's name off the term.
std::string take_host(std::string& term) {
  if (const auto scheme = term.find("://"); scheme != std::string::npos) {
    throw Error{Errc::invalid, "invalid repository name: repository name (" + term + ") should not have a scheme"};
  }
  const auto slash = term.find('/');
  const std::string first = term.substr(0, slash);
  if (slash == std::string::npos || (first.find_first_of(".:") == std::string::npos && first != "localhost")) {
    return "docker.io";
  }
  term.erase(0, slash + 1);
  return first;
}

}  // namespace

SearchFilter::SearchFilter(const Filters& filters) {
  for (const auto& [name, values] : filters) {
    if (name != "is-automated" && name != "is-official" && name != "stars") {
      throw Error{Errc::invalid, "invalid filter '" + name + "'"};
    }
  }
  automated_ = bool_filter(filters, "is-automated").value_or(false);
  official_ = bool_filter(filters, "is-official");
  if (const auto stars = filters.find("stars"); stars != filters.end()) {
    for (const std::string& text : stars->second) stars_ = std::max(stars_, stars_of(text));
  }
}

bool SearchFilter::takes(const registry::v1::SearchResult& result) const {
  return result.stars >= stars_ && (!official_ || *official_ == result.official);
}

awaitable<std::vector<wire::ImageSearchItem>> search_index(Context& context, std::string term, int limit,
                                                           SearchFilter filter, registry::v1::Credentials credentials) {
  std::vector<wire::ImageSearchItem> items;
  if (filter.takes_nothing()) co_return items;
  const std::string host = take_host(term);
  const plugins::CallSettings settings;
  const auto work = [host, term, limit, credentials](auto& driver, const Call& call) {
    std::vector<registry::v1::SearchResult> out;
    driver.search(host, term, limit, credentials, out, call);
    return out;
  };
  const auto found = co_await context.drivers.call(context.drivers.registry(), Pool::slow, settings, work);
  for (const auto& result : found) {
    if (filter.takes(result)) items.push_back({result.name, result.description, result.stars, result.official});
  }
  co_return items;
}

}  // namespace gantry::images
