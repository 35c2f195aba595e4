#include "shim/program.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "shim/report.hpp"

namespace gantry::container_shim {

namespace {

/// 0 if it can be executed, else errno.
int check_executable(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) < 0) return errno;
  if (S_ISDIR(facts.st_mode)) return EISDIR;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : EACCES;
}

Program failure(const std::string& name, Errc code, const std::string& why) {
  return {{}, code, "exec: \"" + name + "\": " + why};
}

}  // namespace

const char* environment_value(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& entry : env) {
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
      return entry.c_str() + name.size() + 1;
    }
  }
  return nullptr;
}

Program find_program(const std::string& name, const std::vector<std::string>& env) {
  if (name.find('/') != std::string::npos) {
    const int error = check_executable(name);
    if (error == 0) return {name, {}, {}};
    if (error == EACCES) return failure(name, Errc::denied, "permission denied");
    if (error == EISDIR) return failure(name, Errc::denied, "is a directory");
    return failure(name, error == ENOENT ? Errc::not_found : error_code(error),
                   "stat " + name + ": " + error_text(error));
  }
  const char* path = environment_value(env, "PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  while (!rest.empty() && !name.empty()) {
    const std::size_t end = rest.find(':');
    const std::string_view directory = rest.substr(0, end);
    const std::string candidate = (directory.empty() ? "." : std::string(directory)) + "/" + name;
    if (check_executable(candidate) == 0) return {candidate, {}, {}};
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return failure(name, Errc::not_found, "executable file not found in $PATH");
}

}  // namespace gantry::container_shim
