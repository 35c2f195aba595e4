#include "parse/resource.hpp"

#include <glob.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "command/failure.hpp"
#include "command/flags.hpp"
#include "parse/quantity.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

constexpr std::array<std::string_view, 15> kUlimits{"core",    "cpu",      "data",   "fsize",      "locks",
                                                    "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                                    "rss",     "rtprio",   "rttime", "sigpending", "stack"};

bool is_device_mode(const std::string& text) {
  return !text.empty() && text.find_first_not_of("rwm") == std::string::npos && text.size() <= 3 &&
         std::all_of(text.begin(), text.end(), [&](char c) { return std::count(text.begin(), text.end(), c) == 1; });
}

Json device(const std::string& host, const std::string& container, const std::string& mode) {
  return {{"PathOnHost", host}, {"PathInContainer", container}, {"CgroupPermissions", mode}};
}

std::pair<std::string, std::string> split_rate(const std::string& text) {
  const auto pair = cut(text, ':');
  if (!pair) throw InvalidValue("bad format: " + text);
  if (!starts_with(pair->first, "/dev/")) throw InvalidValue("bad format for device path: " + text);
  return *pair;
}

bool is_number(std::string_view text) {
  return text == "*" ||
         (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

}  // namespace

void add_ulimit(Json& limits, Json limit) {
  const auto before = [](const Json& a, const Json& b) { return a["Name"] < b["Name"]; };
  const auto at = std::lower_bound(limits.begin(), limits.end(), limit, before);
  if (at != limits.end() && (*at)["Name"] == limit["Name"]) {
    *at = std::move(limit);
  } else {
    limits.insert(at, std::move(limit));
  }
}

Json parse_ulimit(const std::string& text) {
  const auto pair = cut(text, '=');
  if (!pair) throw InvalidValue("invalid ulimit argument: " + text);
  if (std::find(kUlimits.begin(), kUlimits.end(), pair->first) == kUlimits.end()) {
    throw InvalidValue("invalid ulimit type: " + pair->first);
  }
  const auto limits = split(pair->second, ':');
  if (limits.size() > 2) {
    throw InvalidValue("too many limit value arguments - " + pair->second + ", can only have up to two, `soft[:hard]`");
  }
  const std::int64_t soft = parse_decimal(limits[0]);
  const std::int64_t hard = limits.size() > 1 ? parse_decimal(limits[1]) : soft;
  if (soft == -1 && hard != -1) {
    throw InvalidValue("ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: " +
                       std::to_string(hard));
  }
  if (hard != -1 && soft > hard) {
    throw InvalidValue("ulimit soft limit must be less than or equal to hard limit: " + std::to_string(soft) + " > " +
                       std::to_string(hard));
  }
  return {{"Name", pair->first}, {"Hard", hard}, {"Soft", soft}};
}

Json parse_weight_device(const std::string& text) {
  const auto [path, weight] = split_rate(text);
  std::int64_t value = -1;
  if (is_number(weight) && weight != "*" && weight.size() < 9) value = parse_integer(weight);
  if (value < 0 || (value > 0 && (value < 10 || value > 1000))) {
    throw InvalidValue("invalid weight for device: " + text);
  }
  return {{"Path", path}, {"Weight", value}};
}

Json parse_throttle_device(const std::string& text, bool bytes) {
  const auto [path, rate] = split_rate(text);
  try {
    const std::int64_t value = bytes ? parse_bytes(rate) : parse_integer(rate);
    if (value >= 0) return {{"Path", path}, {"Rate", value}};
  } catch (const InvalidValue&) {
    // the message below says what would be right
  }
  throw InvalidValue("invalid rate for device: " + text + ". The correct format is <device-path>:<number>" +
                     (bytes ? "[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
                            : ". Number must be a positive integer"));
}

Json parse_gpus(const std::string& text) {
  if (text.empty()) throw InvalidValue("EOF");
  Json request = {
      {"Driver", ""}, {"Count", 1}, {"DeviceIDs", nullptr}, {"Capabilities", {{"gpu"}}}, {"Options", Json::object()}};
  bool counted = false;
  for (const std::string& field : csv_fields(text)) {
    const auto pair = cut(field, '=');
    const std::string key = pair ? pair->first : "count";
    const std::string value = pair ? pair->second : field;
    if (key == "count") {
      counted = true;
      try {
        request["Count"] = value == "all" ? -1 : parse_integer(value);
      } catch (const InvalidValue&) {
        throw InvalidValue("invalid count (" + value + "): value must be either \"all\" or an integer: invalid syntax");
      }
    } else if (key == "device") {
      request["DeviceIDs"] = split(value, ',');
    } else if (key == "driver") {
      request["Driver"] = value;
    } else if (key == "capabilities") {
      Json names = split(value, ',');
      names.push_back("gpu");
      request["Capabilities"] = Json::array({names});
    } else if (key == "options") {
      for (const std::string& option : split(value, ',')) {
        const auto named = cut(option, '=');
        request["Options"][named ? named->first : option] = named ? named->second : "";
      }
    } else {
      throw InvalidValue("unexpected key '" + key + "' in '" + field + "'");
    }
  }
  if (!counted && !request["DeviceIDs"].is_null()) request["Count"] = 0;
  return Json::array({request});
}

// CDI's names: "vendor.com/class=device".
bool is_cdi_name(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::size_t equals = text.find('=', slash == std::string::npos ? 0 : slash);
  if (slash == std::string::npos || slash == 0 || equals == std::string::npos || equals == slash + 1) return false;
  const auto fits = [&](std::size_t from, std::size_t to, const char* others) {
    if (from == to || std::isalnum(static_cast<unsigned char>(text[to - 1])) == 0) return false;
    return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(from), text.begin() + static_cast<std::ptrdiff_t>(to),
                       [&](char c) {
                         return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                                std::string_view(others).find(c) != std::string_view::npos;
                       });
  };
  return fits(0, slash, "_-.") && fits(slash + 1, equals, "_-") && fits(equals + 1, text.size(), "_-.:");
}

Json parse_device(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() > 3 || parts[0].empty()) throw InvalidValue("bad format for path: " + text);
  std::string container = parts[0];
  std::string mode = "rwm";
  bool named = false;
  if (parts.size() == 2 && is_device_mode(parts[1])) {
    mode = parts[1];
  } else if (parts.size() >= 2) {
    container = parts[1];
    named = true;
  }
  if (parts.size() == 3) {
    if (!is_device_mode(parts[2])) throw InvalidValue("bad mode specified: " + parts[2]);
    mode = parts[2];
  }
  if (container.empty() || container[0] != '/') throw InvalidValue(container + " is not an absolute path");
  if (parts[0].back() != '*') return Json::array({device(parts[0], container, mode)});
  if (named) throw InvalidValue("device with * suffix can't have dst: " + text);
  Json devices = Json::array();
  glob_t found{};
  if (::glob(parts[0].c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      devices.push_back(device(found.gl_pathv[i], found.gl_pathv[i], mode));
    }
  }
  ::globfree(&found);
  return devices;
}

std::string parse_device_rule(const std::string& text) {
  const auto words = split(text, ' ');
  const auto numbers = words.size() == 3 ? cut(words[1], ':') : std::nullopt;
  const bool fits = numbers && (words[0] == "a" || words[0] == "c" || words[0] == "b") && is_number(numbers->first) &&
                    is_number(numbers->second) && !words[2].empty() && words[2].size() <= 3 &&
                    words[2].find_first_not_of("rwm") == std::string::npos;
  if (!fits) throw InvalidValue("invalid device cgroup format '" + text + "'");
  return text;
}

Json parse_restart_policy(const std::string& text) {
  const auto pair = cut(text, ':');
  const std::string name = pair ? pair->first : text;
  std::int64_t count = 0;
  if (pair) {
    if (name.empty()) throw InvalidValue("invalid restart policy format: no policy provided before colon");
    try {
      count = parse_integer(pair->second);
    } catch (const InvalidValue&) {
      throw InvalidValue("invalid restart policy format: maximum retry count must be an integer");
    }
  }
  return {{"Name", name}, {"MaximumRetryCount", count}};
}

std::string parse_sysctl(const std::string& text) {
  static constexpr std::array<std::string_view, 8> kNames{"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                                          "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                                          "kernel.shmmni", "kernel.shm_rmid_forced"};
  const auto pair = cut(text, '=');
  const bool known = pair && (std::find(kNames.begin(), kNames.end(), pair->first) != kNames.end() ||
                              starts_with(pair->first, "net.") || starts_with(pair->first, "fs.mqueue."));
  if (!known) throw InvalidValue("sysctl '" + text + "' is not allowed");
  return text;
}

namespace {

// Sorted, each once; "ALL" stands for all others.
std::vector<std::string> capability_names(const std::vector<std::string>& words) {
  std::set<std::string> names;
  for (const std::string& word : words) {
    std::string name(trimmed(word));
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (name == "ALL") return {name};
    if (name != "RESET" && !starts_with(name, "CAP_")) name.insert(0, "CAP_");
    names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

}  // namespace

Capabilities effective_capabilities(const std::vector<std::string>& add, const std::vector<std::string>& drop) {
  Capabilities out{capability_names(add), capability_names(drop)};
  const auto is_added = [&](const std::string& name) {
    return std::find(out.added.begin(), out.added.end(), name) != out.added.end();
  };
  std::erase_if(out.dropped, is_added);
  return out;
}

}  // namespace gantry::cli
