#include "containers/container_user.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <optional>
#include <sstream>
#include <vector>

#include "base/file.hpp"
#include "base/root_path.hpp"

namespace gantry::containers {

namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 20;

std::optional<unsigned> number_in(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The fields of the line whose first or third field is `wanted`; none if there is no such line (or file).
std::vector<std::string> find_line(int root, const char* path, const std::string& wanted) {
  const UniqueFd file = open_in_root(root, path, O_PATH);
  struct stat status {};
  // A FIFO in its place would keep us waiting.
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::istringstream lines{read_file("/proc/self/fd/" + std::to_string(file.get()), kLargestFile)};
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields;
    std::istringstream text{line};
    for (std::string field; std::getline(text, field, ':');) fields.push_back(field);
    if (fields.size() >= 3 && (fields[0] == wanted || fields[2] == wanted)) return fields;
  }
  return {};
}

}  // namespace

std::pair<uid_t, gid_t> user_ids(int root, const std::string& user) {
  if (user.empty()) return {0, 0};
  const std::size_t colon = user.find(':');
  const std::string name = user.substr(0, colon);
  const std::string group = colon == std::string::npos ? "" : user.substr(colon + 1);
  const auto line = find_line(root, "/etc/passwd", name);
  const auto uid = line.size() >= 4 ? number_in(line[2]) : number_in(name);
  if (!uid) throw Error{Errc::invalid, "unable to find user " + name + ": no matching entries in passwd file"};
  std::optional<unsigned> gid = line.size() >= 4 ? number_in(line[3]) : std::optional<unsigned>{0};
  if (!group.empty()) {
    const auto group_line = find_line(root, "/etc/group", group);
    gid = group_line.empty() ? number_in(group) : number_in(group_line[2]);
    if (!gid) throw Error{Errc::invalid, "unable to find group " + group + ": no matching entries in group file"};
  }
  return {*uid, gid.value_or(0)};
}

}  // namespace gantry::containers
