#include "containers/tree_ids.hpp"

#include <fcntl.h>

#include <optional>
#include <sstream>

#include "base/file.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

constexpr std::uint32_t kNobody = 65534;

std::optional<std::uint32_t> inside_of(const TreeIds::Map& map, std::uint32_t id) {
  for (const auto& range : map) {
    if (id >= range.outside && id - range.outside < range.count) return range.inside + (id - range.outside);
  }
  return std::nullopt;
}

std::uint32_t outside_of(const TreeIds::Map& map, std::uint32_t id) {
  for (const auto& range : map) {
    if (id >= range.inside && id - range.inside < range.count) return range.outside + (id - range.inside);
  }
  throw Error{Errc::io, "Container ID " + std::to_string(id) + " cannot be mapped to a host ID"};
}

bool changes_nothing(const TreeIds::Map& map) {
  for (const auto& range : map) {
    if (range.inside != range.outside) return false;
  }
  return true;
}

}  // namespace

std::uint64_t mount_id_of(int fd) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) throw_errno("cannot stat");
  return status.stx_mnt_id;
}

TreeIds::TreeIds(Map uid_map, Map gid_map, std::set<std::uint64_t> own_mounts)
    : uid_map_(std::move(uid_map)), gid_map_(std::move(gid_map)), own_mounts_(std::move(own_mounts)) {}

TreeIds::Map TreeIds::parse_map(const std::string& text) {
  Map map;
  std::istringstream ranges{text};
  for (runtime::v1::IdMap range; ranges >> range.inside >> range.outside >> range.count;) map.push_back(range);
  return map;
}

TreeIds TreeIds::of_maps(const std::string& uid_map, const std::string& gid_map) {
  Map uids = parse_map(uid_map);
  Map gids = parse_map(gid_map);
  if (changes_nothing(uids) && changes_nothing(gids)) return {};
  return {std::move(uids), std::move(gids)};
}

bool TreeIds::are_mapped(int fd) const {
  return !empty() && (own_mounts_.empty() || !own_mounts_.contains(mount_id_of(fd)));
}

void TreeIds::to_container(int fd, struct stat& status) const {
  if (!are_mapped(fd)) return;
  status.st_uid = inside_of(uid_map_, status.st_uid).value_or(kNobody);
  status.st_gid = inside_of(gid_map_, status.st_gid).value_or(kNobody);
}

std::pair<uid_t, gid_t> TreeIds::to_host(int fd, uid_t uid, gid_t gid) const {
  if (!are_mapped(fd)) return {uid, gid};
  return {outside_of(uid_map_, uid), outside_of(gid_map_, gid)};
}

std::pair<uid_t, gid_t> TreeIds::root() const { return {outside_of(uid_map_, 0), outside_of(gid_map_, 0)}; }

}  // namespace gantry::containers
