#include "client/user_defaults.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kHeadersVariable = "DOCKER_CUSTOM_HEADERS";

Json member(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() ? Json() : *found;
}

/// Keys as Go has them: "x-meta-A" is "X-Meta-A".
std::string canonical(std::string name) {
  bool starts = true;
  for (char& c : name) {
    if (starts && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!starts && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    starts = c == '-';
  }
  return name;
}

bool is_token(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), fits);
}

/// What would end the line would let the value add headers and requests of its own.
void check(const std::string& name, const std::string& value) {
  const std::string begin = "error during connect: net/http: invalid header field ";
  if (!is_token(name)) throw Failure(begin + "name \"" + name + "\"");
  const auto controls = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
  if (std::any_of(value.begin(), value.end(), controls)) throw Failure(begin + "value for \"" + name + "\"");
}

void add_header(Headers& headers, const std::string& name, const std::string& value) {
  check(name, value);
  // Those that say what a request is remain the client's.
  for (const char* own :
       {"Connection", "Content-Length", "Host", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent"}) {
    if (canonical(name) == own) return;
  }
  std::erase_if(headers, [&](const auto& header) { return header.first == canonical(name); });
  headers.emplace_back(canonical(name), value);
}

Headers headers_of_environment(const std::string& text) {
  const std::string failed = std::string("Failed to initialize: failed to ");
  const std::string where = std::string(kHeadersVariable) + " environment variable: ";
  std::vector<std::string> fields;
  try {
    fields = csv_fields(text);
  } catch (const InvalidValue&) {
    throw Failure(failed + "parse custom headers from " + where +
                  "value must be formatted as comma-separated key=value pairs");
  }
  Headers headers;
  for (const std::string& field : fields) {
    const auto pair = cut(field, '=');
    const std::string name = trimmed(pair ? pair->first : field);
    const std::string wrong = failed + "set custom headers from " + where;
    if (name.empty()) throw Failure(wrong + "value contains a key=value pair with an empty key: '" + field + "'");
    if (!pair) throw Failure(wrong + "missing \"=\" in key=value pair: '" + field + "'");
    add_header(headers, name, pair->second);
  }
  return headers;
}

}  // namespace

std::vector<std::string> with_proxies(std::vector<std::string> variables, const ConfigFile& config,
                                      const std::string& host) {
  static constexpr std::array<std::pair<const char*, const char*>, 5> kProxies{{{"allProxy", "ALL_PROXY"},
                                                                                {"ftpProxy", "FTP_PROXY"},
                                                                                {"httpProxy", "HTTP_PROXY"},
                                                                                {"httpsProxy", "HTTPS_PROXY"},
                                                                                {"noProxy", "NO_PROXY"}}};
  const Json all = member(config.json(), "proxies");
  if (!all.is_object()) return variables;
  const Json proxies = member(all, all.contains(host) ? host : "default");
  if (!proxies.is_object()) return variables;
  const auto is_given = [&](const std::string& name) {
    return std::any_of(variables.begin(), variables.end(),
                       [&](const std::string& each) { return each.substr(0, each.find('=')) == name; });
  };
  for (const auto& [key, name] : kProxies) {
    const Json value = member(proxies, key);
    if (!value.is_string() || value == "") continue;
    for (const std::string& each : {std::string(name), lower(name)}) {
      if (!is_given(each)) variables.push_back(each + "=" + value.get<std::string>());
    }
  }
  return variables;
}

namespace {

/// As the daemon is sent it: names are small, and there is no space around the sign.
std::string as_sent(const std::string& filter) {
  const auto pair = cut(filter, '=');
  return pair ? lower(trimmed(pair->first)) + "=" + trimmed(pair->second) : filter;
}

/// The filter that takes what this one leaves; empty: there is none.
std::string opposite(const std::string& sent) {
  if (sent.starts_with("label=")) return "label!=" + sent.substr(6);
  if (sent.starts_with("label!=")) return "label=" + sent.substr(7);
  return {};
}

}  // namespace

std::vector<std::string> with_prune_filters(std::vector<std::string> filters, const ConfigFile& config) {
  const Json own = member(config.json(), "pruneFilters");
  if (!own.is_array()) return filters;
  for (const Json& filter : own) {
    if (!filter.is_string() || !cut(filter.get<std::string>(), '=')) continue;
    const std::string against = opposite(as_sent(filter));
    const bool is_undone =
        !against.empty() &&
        std::any_of(filters.begin(), filters.end(), [&](const std::string& each) { return as_sent(each) == against; });
    if (!is_undone) filters.push_back(filter);
  }
  return filters;
}

Headers custom_headers(const ConfigFile& config) {
  if (const char* text = std::getenv(kHeadersVariable); text != nullptr && *text != '\0') {
    return headers_of_environment(text);
  }
  Headers headers;
  const Json own = member(config.json(), "HttpHeaders");
  if (!own.is_object()) return headers;
  for (const auto& [name, value] : own.items()) {
    if (value.is_string()) add_header(headers, name, value.get<std::string>());
  }
  return headers;
}

}  // namespace gantry::cli
