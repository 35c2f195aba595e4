#include "system/apparmor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/file.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::system {

#ifdef GANTRY_APPARMOR

extern const unsigned char kDefaultPolicy[];
extern const unsigned long kDefaultPolicySize;

namespace {

constexpr const char* kProfiles = "/sys/kernel/security/apparmor/profiles";
constexpr const char* kReplace = "/sys/kernel/security/apparmor/.replace";

// A line is "docker-default (enforce)".
bool is_loaded() {
  const std::string profiles = "\n" + read_file(kProfiles);
  return profiles.find("\n" + std::string{kDefaultAppArmorProfile} + " (") != std::string::npos;
}

}  // namespace

bool has_apparmor() {
  static const bool enabled = [] {
    try {
      return ::access(kReplace, F_OK) == 0 && read_file("/sys/module/apparmor/parameters/enabled").starts_with('Y');
    } catch (const Error&) {
      return false;
    }
  }();
  return enabled;
}

void load_default_apparmor_profile() {
  if (is_loaded()) return;
  const UniqueFd fd{::open(kReplace, O_WRONLY | O_CLOEXEC)};
  if (!fd) throw_errno(std::string{"cannot open "} + kReplace);
  // The kernel takes a policy in one write or not at all.
  if (::write(fd.get(), kDefaultPolicy, kDefaultPolicySize) < 0) {
    throw_errno("cannot load the AppArmor profile " + std::string{kDefaultAppArmorProfile});
  }
}

#else

bool has_apparmor() { return false; }

void load_default_apparmor_profile() {}

#endif

}  // namespace gantry::system
