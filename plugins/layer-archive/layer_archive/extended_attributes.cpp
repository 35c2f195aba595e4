#include "layer_archive/extended_attributes.hpp"

#include <sys/xattr.h>

#include <cerrno>

#include "layer_archive/system_error.hpp"

namespace gantry::layer_archive {
namespace {

constexpr std::size_t kLargest = 65536;  // XATTR_SIZE_MAX and XATTR_LIST_MAX

}  // namespace

bool is_layer_attribute(std::string_view name) {
  return name == "security.capability" || name.starts_with("user.") || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

std::map<std::string, std::string> extended_attributes(const std::string& path) {
  std::map<std::string, std::string> out;
  const ssize_t needed = ::llistxattr(path.c_str(), nullptr, 0);
  if (needed <= 0) return out;
  std::string names(kLargest, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  if (length < 0) throw_errno("cannot list extended attributes");
  names.resize(static_cast<std::size_t>(length));
  std::string value(kLargest, '\0');
  for (std::size_t at = 0; at < names.size();) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size >= 0) out.emplace(name, value.substr(0, static_cast<std::size_t>(size)));
  }
  return out;
}

}  // namespace gantry::layer_archive
