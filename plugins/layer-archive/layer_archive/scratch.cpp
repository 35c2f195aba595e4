#include "layer_archive/scratch.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "gantry/unique_fd.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::layer_archive {
namespace {

/// Layers begin in here; they are large.
constexpr const char* kLayers = "layers";

std::string unique_directory(const std::string& folder) {
  std::string path = folder + "/XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw_errno("cannot make a directory in " + folder);
  return path;
}

/// Tells ext4 that the directories in this one have nothing to do with each other: it puts each where the disk is free,
/// instead of all into the same block group, where trees that are written at once wait for each other, and where,
/// without a journal, each new file looks for an inode behind all those that were removed lately. Other filesystems
/// know no such thing, or need it not.
void spread(const Directory& directory) {
  int flags = 0;
  if (::ioctl(directory.fd(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
  flags |= FS_TOPDIR_FL;
  static_cast<void>(::ioctl(directory.fd(), FS_IOC_SETFLAGS, &flags));
}

}  // namespace

Scratch::Scratch(const std::string& data_dir) : path_(unique_directory(data_dir + "/tmp")) {}

Scratch::Scratch(const std::string& data_dir, ForLayer /*purpose*/)
    : path_(unique_directory(data_dir + "/tmp/" + kLayers)) {}

Scratch::Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}

Scratch::~Scratch() {
  if (path_.empty()) return;
  try {
    remove_tree(AT_FDCWD, path_);
  } catch (const Error&) {
    // `clean` removes it at the next start.
    return;
  }
}

bool Scratch::move_to(const std::string& place) {
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, place.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) return false;
    throw_errno("cannot make " + place);
  }
  path_.clear();
  return true;
}

void Scratch::remove(const std::string& data_dir, const std::string& place) {
  const Scratch grave{data_dir};
  if (::rename(place.c_str(), (grave.path() + "/removed").c_str()) != 0 && errno != ENOENT) {
    throw_errno("cannot remove " + place);
  }
}

void Scratch::clean(const Host& host) {
  const std::string path = host.data_dir() + "/tmp";
  make_empty(host, path);
  const Directory directory = Directory::open(AT_FDCWD, path);
  make_directory(directory.fd(), kLayers, 0700);
  spread(Directory::open(directory.fd(), kLayers));
}

void make_empty(const Host& host, const std::string& path) {
  make_directory(AT_FDCWD, path, 0700);
  const Directory directory = Directory::open(AT_FDCWD, path);
  for (const Name& name : directory.names()) {
    try {
      remove_tree(directory.fd(), name.text);
    } catch (const Error& error) {
      // It takes up space, but nobody will ever see it: no reason to keep all that the driver is for away.
      host.log(LogLevel::warning, path + "/" + name.text + " is left behind: " + error.what());
    }
  }
}

void write_text(const std::string& path, const std::string& text) {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file) throw_errno("cannot create " + path);
  const ssize_t put = ::write(file.get(), text.data(), text.size());
  if (put != static_cast<ssize_t>(text.size())) throw_errno("cannot write " + path, put < 0 ? errno : ENOSPC);
}

std::string read_text(const std::string& path) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) throw_errno("cannot open " + path);
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0) throw_errno("cannot read " + path);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace gantry::layer_archive
