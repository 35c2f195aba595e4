#include "daemon/userns_remap.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include <spdlog/spdlog.h>

#include "base/file.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::daemon {

namespace {

constexpr const char* kDefaultUser = "dockremap";
constexpr std::uint64_t kFirstId = 100000;
constexpr std::uint64_t kIds = 65536;
constexpr std::size_t kMostRanges = 340;  // user_namespaces(7)
constexpr std::uint64_t kIdSpace = std::uint64_t{1} << 32;

[[noreturn]] void refuse_remap(const std::string& message) { throw Error{Errc::invalid, message}; }

template <class Number>
bool parse_digits(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

/// As dockerd: what fits 32 bits is a number.
std::optional<std::uint32_t> as_id(const std::string& text) {
  std::int32_t id = 0;
  if (!parse_digits(text, id) || id < 0) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

struct Account {
  std::string name;
  std::uint32_t id{};
};

using Scratch = std::array<char, 65536>;

std::optional<Account> find_user(const std::string& name, const std::optional<std::uint32_t>& id) {
  Scratch buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (id)
    ::getpwuid_r(*id, &entry, buffer.data(), buffer.size(), &found);
  else
    ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  return Account{found->pw_name, found->pw_uid};
}

bool has_group(const std::string& name, const std::optional<std::uint32_t>& id) {
  Scratch buffer;
  group entry{};
  group* found = nullptr;
  if (id)
    ::getgrgid_r(*id, &entry, buffer.data(), buffer.size(), &found);
  else
    ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr;
}

std::string not_there(const std::string& name, const char* database) {
  return "unable to find entry \"" + name + "\" in " + database + " database";
}

struct Range {
  std::string owner;
  std::uint64_t first{};
  std::uint64_t count{};
  std::size_t line{};  ///< Of the file, from 1.
};

std::vector<Range> read_ranges(const std::string& file) {
  std::vector<Range> ranges;
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    Range range;
    if (second == std::string_view::npos || !parse_digits(line.substr(first + 1, second - first - 1), range.first) ||
        !parse_digits(line.substr(second + 1), range.count) || range.count > kIdSpace || range.first > kIdSpace) {
      refuse_remap("Can't create ID mappings: cannot parse subuid/gid information: Format not correct for " + file +
                   " file: it needs lines as user:100000:65536");
    }
    range.owner = line.substr(0, first);
    range.line = number;
    ranges.push_back(std::move(range));
  }
  return ranges;
}

std::vector<Range> ranges_of(const std::vector<Range>& all, const std::string& owner) {
  std::vector<Range> own;
  std::copy_if(all.begin(), all.end(), std::back_inserter(own), [&](const Range& it) { return it.owner == owner; });
  return own;
}

/// In /proc/<pid>/uid_map.
std::size_t line_size(std::uint64_t inside, std::uint64_t outside, std::uint64_t count) {
  return (std::to_string(inside) + " " + std::to_string(outside) + " " + std::to_string(count) + "\n").size();
}

/// The kernel takes no such map, and would say so at each start of a container.
void check_kernel_takes(const std::vector<runtime::v1::IdMap>& map, std::uint64_t inside, const Range& next,
                        const std::string& file) {
  const std::string what = "Can't create ID mappings: line " + std::to_string(next.line) + " of " + file + " (" +
                           next.owner + ":" + std::to_string(next.first) + ":" + std::to_string(next.count) + ") ";
  const auto overlaps = [&](const runtime::v1::IdMap& range) {
    return next.first < std::uint64_t{range.outside} + range.count && range.outside < next.first + next.count;
  };
  if (std::any_of(map.begin(), map.end(), overlaps)) refuse_remap(what + "overlaps another range of the user");
  constexpr std::size_t kPage = 4096;
  std::size_t text = line_size(inside, next.first, next.count);
  for (const auto& range : map) text += line_size(range.inside, range.outside, range.count);
  if (map.size() == kMostRanges || text >= kPage) {
    refuse_remap(what + "is one range too many: the kernel takes at most 340, and less than a page of text");
  }
}

std::vector<runtime::v1::IdMap> to_map(const std::vector<Range>& ranges, const std::string& user,
                                       const std::string& file) {
  std::vector<runtime::v1::IdMap> map;
  std::uint64_t inside = 0;
  for (const Range& range : ranges) {
    if (range.count == 0) continue;
    const std::string what = user + ":" + std::to_string(range.first) + ":" + std::to_string(range.count);
    if (range.first == 0) {
      refuse_remap("Can't create ID mappings: \"" + what + "\" in " + file +
                   " has the host's root in it: a range must begin above 0");
    }
    // (uid_t)-1 is nobody's.
    if (range.first + range.count >= kIdSpace || inside + range.count >= kIdSpace) {
      refuse_remap("Can't create ID mappings: \"" + what + "\" in " + file + " goes beyond 4294967294");
    }
    check_kernel_takes(map, inside, range, file);
    map.push_back({static_cast<std::uint32_t>(inside), static_cast<std::uint32_t>(range.first),
                   static_cast<std::uint32_t>(range.count)});
    inside += range.count;
  }
  return map;
}

std::vector<runtime::v1::IdMap> map_of(const Account& user, const std::string& file, const char* what) {
  const std::vector<Range> all = read_ranges(file);
  std::vector<Range> own = ranges_of(all, std::to_string(user.id));
  if (own.empty()) own = ranges_of(all, user.name);
  const auto map = to_map(own, user.name, file);
  if (map.empty()) {
    refuse_remap(std::string("Can't create ID mappings: no ") + what + " ranges found for user \"" + user.name +
                 "\": add a line as " + user.name + ":100000:65536 to " + file);
  }
  return map;
}

/// Other programs that change such files (useradd) wait for it.
class PasswordLock {
 public:
  PasswordLock() {
    if (::lckpwdf() != 0) throw Error{Errc::io, "cannot lock /etc/.pwd.lock, to change /etc/subuid"};
  }
  ~PasswordLock() { ::ulckpwdf(); }
  PasswordLock(const PasswordLock&) = delete;
  PasswordLock& operator=(const PasswordLock&) = delete;
};

std::uint64_t free_range(const std::vector<Range>& all) {
  std::uint64_t first = kFirstId;
  for (const Range& range : all) first = std::max(first, range.first + range.count);
  return first;
}

void append_range(const std::string& file, const Range& range) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  const std::string line = range.owner + ":" + std::to_string(range.first) + ":" + std::to_string(range.count) + "\n";
  const UniqueFd out{::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644)};
  if (!out) throw_errno("cannot open " + file);
  write_all(out.get(), !text.empty() && text.back() != '\n' ? "\n" + line : line);
}

std::vector<runtime::v1::IdMap> default_map(const std::string& file, std::uint64_t first, bool allocate) {
  const std::vector<Range> own = ranges_of(read_ranges(file), kDefaultUser);
  if (!own.empty()) return to_map(own, kDefaultUser, file);
  const Range range{kDefaultUser, first, kIds};
  auto map = to_map({range}, kDefaultUser, file);
  if (allocate) append_range(file, range);
  return map;
}

IdMaps default_ids(bool allocate, const SubordinateFiles& files) {
  std::optional<PasswordLock> lock;
  if (allocate) lock.emplace();
  // The same in both, so that a file's owner and group go together.
  const std::uint64_t first = std::max(free_range(read_ranges(files.uids)), free_range(read_ranges(files.gids)));
  IdMaps maps;
  maps.uids = default_map(files.uids, first, allocate);
  maps.gids = default_map(files.gids, first, allocate);
  return maps;
}

Account user_of(const std::string& text) {
  const auto id = as_id(text);
  if (const auto user = find_user(text, id)) return *user;
  const std::string missing = not_there(text, "passwd");
  if (id) refuse_remap("Uid " + text + " has no entry in /etc/passwd: " + missing);
  refuse_remap("Error during uid lookup for \"" + text + "\": " + missing);
}

/// The group has no part in the maps: it is only looked up.
void check_group(const std::string& text, bool named) {
  const auto id = as_id(text);
  if (has_group(text, id)) return;
  const std::string missing = not_there(text, "group");
  if (id) refuse_remap("Gid " + text + " has no entry in /etc/group: " + missing);
  refuse_remap(std::string("Error during ") + (named ? "groupname" : "gid") + " lookup for \"" + text +
               "\": " + missing);
}

}  // namespace

void check_remap_form(const std::string& setting) {
  if (std::count(setting.begin(), setting.end(), ':') > 1) {
    refuse_remap("Invalid user/group specification in --userns-remap: \"" + setting +
                 "\": userns-remap needs default, user, user:group, uid or uid:gid");
  }
}

IdMaps remapped_ids(const std::string& setting, bool allocate, const SubordinateFiles& files) {
  if (setting.empty()) return {};
  check_remap_form(setting);
  const auto colon = setting.find(':');
  const std::string user_text = setting.substr(0, colon);
  if (user_text == "default") {
    if (colon != std::string::npos) check_group(setting.substr(colon + 1), true);
    return default_ids(allocate, files);
  }
  const Account user = user_of(user_text);
  if (colon == std::string::npos)
    check_group(user_text, false);
  else
    check_group(setting.substr(colon + 1), true);
  if (user.id == 0) {
    spdlog::warn("User namespaces: root cannot be remapped with itself; user namespaces are OFF");
    return {};
  }
  spdlog::info("User namespaces: ID ranges will be mapped to subuid/subgid ranges of: {}", user.name);
  IdMaps maps;
  maps.uids = map_of(user, files.uids, "subuid");
  maps.gids = map_of(user, files.gids, "subgid");
  return maps;
}

}  // namespace gantry::daemon
