#include "lent_files.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::dockerfile {

using layer_archive::throw_errno;

namespace {

constexpr const char* kPrefix = "lent-";
constexpr const char* kLimits = "mode=0700,size=64m,nr_inodes=1k";

void unmount(const std::string& path) {
  ::umount2(path.c_str(), MNT_DETACH);
  ::rmdir(path.c_str());
}

void set_attributes(const std::string& path, const FileAttributes& attributes) {
  if (::fchownat(AT_FDCWD, path.c_str(), attributes.uid, attributes.gid, 0) != 0 ||
      ::fchmodat(AT_FDCWD, path.c_str(), attributes.mode, 0) != 0) {
    throw_errno("cannot set the attributes of what is lent");
  }
}

}  // namespace

LentFiles::LentFiles(const std::string& root) : path_(root + "/" + kPrefix + "XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw_errno("cannot make a directory in " + root);
  if (::mount("tmpfs", path_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, kLimits) != 0) {
    const int error = errno;
    ::rmdir(path_.c_str());
    errno = error;
    throw_errno("cannot mount a tmpfs for what is lent");
  }
}

LentFiles::~LentFiles() {
  for (const UniqueFd& listener : listeners_) ::shutdown(listener.get(), SHUT_RDWR);
  unmount(path_);
}

std::string LentFiles::next_path() { return path_ + "/" + std::to_string(files_++); }

std::string LentFiles::write(const std::string& content, const FileAttributes& attributes) {
  std::string path = next_path();
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file) throw_errno("cannot lend a secret");
  for (std::size_t put = 0; put < content.size();) {
    const ssize_t done = ::write(file.get(), content.data() + put, content.size() - put);
    if (done < 0) throw_errno("cannot lend a secret");
    put += static_cast<std::size_t>(done);
  }
  set_attributes(path, attributes);
  return path;
}

std::string LentFiles::listen(const FileAttributes& attributes, int& listener) {
  std::string path = next_path();
  // The path itself may be longer than an address can be.
  const UniqueFd directory{::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  const std::string short_path = "/proc/self/fd/" + std::to_string(directory.get()) + path.substr(path.rfind('/'));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  short_path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), 16) != 0) {
    throw_errno("cannot lend an agent");
  }
  listener = socket.get();
  listeners_.push_back(std::move(socket));
  set_attributes(path, attributes);
  return path;
}

void LentFiles::remove_left(const std::string& root) {
  for (const std::string& name : layer_archive::Directory::open(AT_FDCWD, root).sorted_names()) {
    if (name.starts_with(kPrefix)) unmount(root + "/" + name);
  }
}

}  // namespace gantry::dockerfile
