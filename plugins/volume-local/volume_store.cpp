#include "volume_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "layer_archive/directory.hpp"
#include "system_error.hpp"

namespace gantry::local {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScratch = ".tmp";

void make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) throw_errno("cannot make " + path);
  // Not what the daemon's umask leaves of it.
  if (::chmod(path.c_str(), mode) != 0) throw_errno("cannot set the mode of " + path);
}

void write_lines(const std::string& path, const std::vector<std::string>& lines) {
  const std::string next = path + ".next";
  // Options may have passwords in them.
  const UniqueFd made{::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  std::ofstream file{next, std::ios::trunc};
  for (const std::string& line : lines) file << line << '\n';
  file.close();
  if (!file) throw_errno("cannot write " + next);
  if (::rename(next.c_str(), path.c_str()) != 0) throw_errno("cannot replace " + path);
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Options are any text; a record is lines.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += "\\n";
    if (c == '\\') out += "\\\\";
    if (c != '\n' && c != '\\') out += c;
  }
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    out += text[++at] == 'n' ? '\n' : text[at];
  }
  return out;
}

}  // namespace

VolumeStore::VolumeStore(std::string data_dir, std::string exec_dir)
    : data_dir_(std::move(data_dir)), exec_dir_(std::move(exec_dir)) {
  const std::string tmp = data_dir_ + "/" + kScratch;
  make_directory(tmp, 0700);
  for (const auto& entry : fs::directory_iterator{tmp}) layer_archive::remove_tree(AT_FDCWD, entry.path());
}

std::string VolumeStore::directory(const std::string& name) const {
  // The daemon has checked the name; a path must not come of it whoever calls.
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw Error{Errc::invalid, "\"" + name + "\" is no volume name"};
  }
  return data_dir_ + "/" + name;
}

std::string VolumeStore::users_file(const std::string& name) const {
  static_cast<void>(directory(name));
  return exec_dir_ + "/" + name + ".users";
}

std::string VolumeStore::data(const std::string& name) const { return directory(name) + "/_data"; }

bool VolumeStore::contains(const std::string& name) const { return ::access(directory(name).c_str(), F_OK) == 0; }

Options VolumeStore::options(const std::string& name) const {
  if (!contains(name)) throw Error{Errc::not_found, "get " + name + ": no such volume"};
  Options options;
  for (const std::string& line : read_lines(directory(name) + "/options")) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) options[line.substr(0, equals)] = unescaped(line.substr(equals + 1));
  }
  return options;
}

std::vector<std::string> VolumeStore::list() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{data_dir_}) {
    const std::string name = entry.path().filename();
    if (name.front() != '.' && entry.is_directory()) names.push_back(name);
  }
  return names;
}

std::string VolumeStore::scratch() const {
  std::string path = data_dir_ + "/" + kScratch + "/XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw_errno("cannot make a directory in " + data_dir_);
  return path;
}

void VolumeStore::add(const std::string& name, const Options& options, const Fill& fill) {
  const std::string made = scratch();
  try {
    make_directory(made, 0701);
    make_directory(made + "/_data", 0755);
    std::vector<std::string> lines;
    for (const auto& [option, value] : options) lines.push_back(option + "=" + escaped(value));
    if (!lines.empty()) write_lines(made + "/options", lines);
    if (fill) fill(made + "/_data");
    if (::rename(made.c_str(), directory(name).c_str()) != 0) throw_errno("cannot make volume " + name);
  } catch (...) {
    try {
      layer_archive::remove_tree(AT_FDCWD, made);
    } catch (const Error&) {
      // Removed when the daemon starts again.
    }
    throw;
  }
}

void VolumeStore::rename(const std::string& from, const std::string& to) {
  if (!contains(from)) {
    if (contains(to)) return;
    throw Error{Errc::not_found, "get " + from + ": no such volume"};
  }
  const int failed = ::renameat2(AT_FDCWD, directory(from).c_str(), AT_FDCWD, directory(to).c_str(), RENAME_NOREPLACE);
  if (failed != 0 && errno == EEXIST) throw Error{Errc::conflict, "the volume " + to + " exists"};
  if (failed != 0) throw_errno("cannot rename volume " + from);
  set_users(from, {});
}

void VolumeStore::remove(const std::string& name) {
  set_users(name, {});
  const std::string grave = scratch();
  if (::rename(directory(name).c_str(), (grave + "/removed").c_str()) != 0 && errno != ENOENT) {
    const int error = errno;
    ::rmdir(grave.c_str());
    throw_errno("cannot remove volume " + name, error);
  }
  layer_archive::remove_tree(AT_FDCWD, grave);
}

std::set<std::string> VolumeStore::users(const std::string& name) const {
  const auto lines = read_lines(users_file(name));
  return {lines.begin(), lines.end()};
}

void VolumeStore::set_users(const std::string& name, const std::set<std::string>& users) {
  const std::string path = users_file(name);
  if (!users.empty()) return write_lines(path, {users.begin(), users.end()});
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno("cannot remove " + path);
}

}  // namespace gantry::local
