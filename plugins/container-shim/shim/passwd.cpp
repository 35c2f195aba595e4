#include "shim/passwd.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "gantry/regular_file.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

constexpr std::size_t kMaxFile = std::size_t{8} << 20;
constexpr std::size_t kMaxGroups = 65536;  // NGROUPS_MAX

std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

/// Decimal digits only; a number that Docker would call out of range stays larger than kMaxId.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size() || error != std::errc()) return std::nullopt;
  return value;
}

constexpr std::uint64_t kMaxId = 0x7fffffff;
constexpr const char* kRange = "uids and gids must be in range 0-2147483647";

struct PasswdEntry {
  std::string_view name;
  std::uint64_t uid{};
  std::uint64_t gid{};
  std::string_view home;
};

struct GroupEntry {
  std::string_view name;
  std::uint64_t gid{};
  std::string_view members;
};

std::optional<PasswdEntry> parse_passwd_line(std::string_view line) {
  PasswdEntry entry;
  entry.name = next_part(line, ':');
  next_part(line, ':');
  const auto uid = parse_number(next_part(line, ':'));
  const auto gid = parse_number(next_part(line, ':'));
  if (entry.name.empty() || entry.name.starts_with('#') || !uid || !gid) return std::nullopt;
  entry.uid = *uid;
  entry.gid = *gid;
  next_part(line, ':');
  entry.home = next_part(line, ':');
  return entry;
}

std::optional<GroupEntry> parse_group_line(std::string_view line) {
  GroupEntry entry;
  entry.name = next_part(line, ':');
  next_part(line, ':');
  const auto gid = parse_number(next_part(line, ':'));
  if (entry.name.empty() || entry.name.starts_with('#') || !gid) return std::nullopt;
  entry.gid = *gid;
  entry.members = line;
  return entry;
}

/// The first entry that `matches`.
template <class Parse, class Matches>
auto find_entry(std::string_view file, Parse parse, Matches matches) -> decltype(parse(file)) {
  while (!file.empty()) {
    auto entry = parse(next_part(file, '\n'));
    if (entry && matches(*entry)) return entry;
  }
  return std::nullopt;
}

bool is_member(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    if (next_part(members, ',') == name) return true;
  }
  return false;
}

bool is_negative(std::string_view text) { return text.starts_with('-') && parse_number(text.substr(1)).has_value(); }

/// A name goes before a number: an account may be called "1000".
std::string resolve_group(std::string_view text, std::string_view group, std::uint32_t& gid) {
  const auto as_number = parse_number(text);
  const auto entry = find_entry(group, parse_group_line, [&](const GroupEntry& candidate) {
    return candidate.name == text || (as_number && candidate.gid == *as_number);
  });
  const auto found = entry ? std::optional(entry->gid) : as_number;
  if (!found && is_negative(text)) return kRange;
  if (!found) return "unable to find group " + std::string(text) + ": no matching entries in group file";
  if (*found > kMaxId) return kRange;
  gid = static_cast<std::uint32_t>(*found);
  return {};
}

void add_memberships(std::string_view name, std::string_view group, Identity& out) {
  while (!group.empty() && out.groups.size() < kMaxGroups) {
    const auto entry = parse_group_line(next_part(group, '\n'));
    if (entry && entry->gid <= kMaxId && is_member(entry->members, name)) {
      out.groups.push_back(static_cast<std::uint32_t>(entry->gid));
    }
  }
}

std::string resolve_account(std::string_view name, bool own_group, std::string_view passwd, std::string_view group,
                            Identity& out) {
  const auto as_number = name.empty() ? std::optional<std::uint64_t>(0) : parse_number(name);
  const auto entry = find_entry(passwd, parse_passwd_line, [&](const PasswdEntry& candidate) {
    return candidate.name == name || (as_number && candidate.uid == *as_number);
  });
  if (!entry && is_negative(name)) return kRange;
  if (!entry && !as_number) return "unable to find user " + std::string(name) + ": no matching entries in passwd file";
  const std::uint64_t uid = entry ? entry->uid : *as_number;
  const std::uint64_t gid = entry ? entry->gid : 0;
  if (uid > kMaxId || gid > kMaxId) return kRange;
  out.uid = static_cast<std::uint32_t>(uid);
  out.gid = static_cast<std::uint32_t>(gid);
  if (!entry) return {};
  if (!entry->home.empty()) out.home = entry->home;
  if (!own_group) add_memberships(entry->name, group, out);
  return {};
}

}  // namespace

std::string resolve_user(std::string_view user, const std::vector<std::string>& additional_groups,
                         std::string_view passwd, std::string_view group, Identity& out) {
  const std::string_view name = next_part(user, ':');
  if (std::string error = resolve_account(name, !user.empty(), passwd, group, out); !error.empty()) return error;
  if (!user.empty()) {
    if (std::string error = resolve_group(user, group, out.gid); !error.empty()) return error;
  }
  for (const std::string& text : additional_groups) {
    std::uint32_t gid = 0;
    if (std::string error = resolve_group(text, group, gid); !error.empty()) {
      // --group-add's message begins with a capital in dockerd.
      if (error.starts_with('u')) error.front() = 'U';
      return error;
    }
    out.groups.push_back(gid);
  }
  // Linux programs expect the primary group among the supplementary ones, and Docker puts it there.
  out.groups.insert(out.groups.begin(), out.gid);
  std::sort(out.groups.begin() + 1, out.groups.end());
  out.groups.erase(std::unique(out.groups.begin() + 1, out.groups.end()), out.groups.end());
  return {};
}

std::string read_account_file_in(int root, const char* path) {
  struct stat facts {};
  const UniqueFd found(openat2_in_root(root, path, O_PATH));
  const UniqueFd file = open_regular(found.get(), facts);
  return file ? read_rest(file.get(), kMaxFile) : std::string();
}

std::string read_account_file(const char* path) {
  struct stat facts {};
  // Not through a FIFO or device that the image put there: opening one could block. What takes its place between this
  // look and the opening, no /proc being sure to be here, is the container's own affair.
  const UniqueFd found(openat2_in_root(AT_FDCWD, path, O_PATH));
  if (!found || ::fstat(found.get(), &facts) < 0 || !S_ISREG(facts.st_mode)) return {};
  const UniqueFd fd(openat2_in_root(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd || ::fstat(fd.get(), &facts) < 0 || !S_ISREG(facts.st_mode)) return {};
  return read_rest(fd.get(), kMaxFile);
}

}  // namespace gantry::container_shim
