#include "container_shim/user_namespace.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "container_shim/container_files.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

std::uint32_t parse_id(const std::string& text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error{Errc::invalid, "invalid id \"" + text + "\""};
  return id;
}

}  // namespace

UserNamespace user_namespace_of(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  UserNamespace user;
  user.fd.reset(::open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  struct stat its {};
  struct stat own {};
  if (!user.fd || ::fstat(user.fd.get(), &its) < 0 || ::stat("/proc/self/ns/user", &own) < 0) {
    throw Error{Errc::conflict, "the container's user namespace has gone"};
  }
  user.remapped = its.st_ino != own.st_ino || its.st_dev != own.st_dev;
  if (!user.remapped) return user;
  user.uid_map = read_text(process + "/uid_map");
  user.gid_map = read_text(process + "/gid_map");
  user.root_uid = outside_id(user.uid_map, 0);
  user.root_gid = outside_id(user.gid_map, 0);
  return user;
}

std::uint32_t outside_id(const std::string& map, std::uint32_t id) {
  std::istringstream ranges(map);
  for (std::uint32_t inside = 0, outside = 0, count = 0; ranges >> inside >> outside >> count;) {
    if (id >= inside && id - inside < count) return outside + (id - inside);
  }
  throw Error{Errc::invalid, "the container's user namespace has no id " + std::to_string(id)};
}

std::string with_outside_owner(const std::string& options, const UserNamespace& user) {
  std::string uid = std::to_string(user.root_uid);
  std::string gid = std::to_string(user.root_gid);
  std::string result;
  for (std::size_t at = 0; at < options.size();) {
    const std::size_t end = std::min(options.find(',', at), options.size());
    const std::string option = options.substr(at, end - at);
    at = end + 1;
    if (option.starts_with("uid="))
      uid = std::to_string(outside_id(user.uid_map, parse_id(option.substr(4))));
    else if (option.starts_with("gid="))
      gid = std::to_string(outside_id(user.gid_map, parse_id(option.substr(4))));
    else
      result += option + ",";
  }
  return result + "uid=" + uid + ",gid=" + gid;
}

}  // namespace gantry::container_shim
