#include "build/package_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/root_path.hpp"
#include "build/rpm_database.hpp"
#include "gantry/error.hpp"

namespace gantry::build {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 20;
/// Of a text list: what is read at once, and so also the longest that is said of one package.
constexpr std::size_t kAtOnce = std::size_t{1} << 20;
/// In one directory of lists.
constexpr std::size_t kMostFiles = 10'000;

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// Reads an image's files, all together no more than `kMaxListBytes`.
class ListReader {
 public:
  ListReader(int root, const std::function<void()>& check) : root_(root), check_(check) {}

  /// Empty if it is no plain file.
  std::string whole(const std::string& path, std::size_t limit = kMaxListBytes) {
    const UniqueFd file = open_plain(path, limit);
    std::string out;
    if (file) {
      out.resize(size_of(file.get()));
      out.resize(fill(file.get(), out.data(), out.size()));
    }
    return out;
  }

  /// A text in pieces that end where a paragraph does.
  void paragraphs(const std::string& path, const std::function<void(std::string_view)>& take) {
    const UniqueFd file = open_plain(path, kMaxListBytes);
    if (!file) return;
    std::string text(kAtOnce, '\0');
    std::size_t kept = 0;
    for (;;) {
      check_();
      const std::size_t got = kept + fill(file.get(), text.data() + kept, kAtOnce - kept);
      const std::string_view read{text.data(), got};
      if (got < kAtOnce) return take(read);
      const std::size_t end = read.rfind("\n\n");
      if (end == std::string_view::npos)
        throw Error{Errc::invalid, "cannot list the packages: " + path + " is no list"};
      take(read.substr(0, end + 1));
      kept = got - (end + 2);
      std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(end + 2), kept, text.begin());
    }
  }

  [[nodiscard]] bool has(const std::string& path) const { return static_cast<bool>(find_plain(path)); }

  /// The names in a directory, in order.
  std::vector<std::string> names_in(const std::string& path) const {
    UniqueFd opened = open_in_root(root_, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!opened) return {};
    const std::unique_ptr<DIR, CloseDirectory> directory{::fdopendir(opened.get())};
    if (directory == nullptr) return {};
    static_cast<void>(opened.release());
    std::vector<std::string> out;
    while (const dirent* entry = ::readdir(directory.get())) {
      if (entry->d_name[0] == '.') continue;
      out.emplace_back(entry->d_name);
      if (out.size() > kMostFiles) too_much(path + " has more than " + std::to_string(kMostFiles) + " files");
    }
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  [[noreturn]] static void too_much(const std::string& what) {
    throw Error{Errc::invalid, "cannot list the packages: " + what};
  }

  static std::size_t size_of(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 && status.st_size > 0 ? static_cast<std::size_t>(status.st_size) : 0;
  }

  /// What is no file is not opened for good: a pipe would wait, a device would do something.
  [[nodiscard]] UniqueFd find_plain(const std::string& path) const {
    UniqueFd found = open_in_root(root_, path, O_PATH | O_CLOEXEC);
    struct stat status {};
    const bool plain = found && ::fstat(found.get(), &status) == 0 && S_ISREG(status.st_mode);
    return plain ? std::move(found) : UniqueFd{};
  }

  UniqueFd open_plain(const std::string& path, std::size_t limit) {
    check_();
    const UniqueFd found = find_plain(path);
    if (!found) return {};
    const std::size_t size = size_of(found.get());
    if (size > limit) too_much(path + " is larger than " + std::to_string(limit >> 20) + " MiB");
    if (size > left_) {
      too_much("the image's lists are larger than " + std::to_string(kMaxListBytes >> 20) + " MiB together");
    }
    left_ -= size;
    return UniqueFd{::open(("/proc/self/fd/" + std::to_string(found.get())).c_str(), O_RDONLY | O_CLOEXEC)};
  }

  /// No more than the size that was counted: a file that grows meanwhile ends there.
  static std::size_t fill(int file, char* into, std::size_t size) {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t more = ::read(file, into + got, size - got);
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) break;
      got += static_cast<std::size_t>(more);
    }
    return got;
  }

  int root_;
  const std::function<void()>& check_;
  std::size_t left_ = kMaxListBytes;
};

void scan_debian(ListReader& reader, std::vector<Package>& out) {
  const std::string list = "/var/lib/dpkg/status";
  reader.paragraphs(list, [&](std::string_view text) { add_debian_packages(text, list, out); });
  // Images without dpkg, made of its packages (distroless).
  const std::string lists = "/var/lib/dpkg/status.d";
  for (const std::string& name : reader.names_in(lists)) {
    if (name.ends_with(".md5sums")) continue;
    const std::string path = lists + "/" + name;
    add_debian_packages(reader.whole(path, kLargestFile), path, out);
  }
}

void scan_alpine(ListReader& reader, std::vector<Package>& out) {
  for (const std::string path : {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}) {
    const std::size_t before = out.size();
    reader.paragraphs(path, [&](std::string_view text) { add_alpine_packages(text, path, out); });
    // Where /lib is /usr/lib, both are one.
    if (out.size() > before) break;
  }
}

void scan_rpm(ListReader& reader, const std::function<void()>& check, Inventory& out) {
  const std::array places{"/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/"};
  for (const std::string place : places) {
    const std::string path = place + "rpmdb.sqlite";
    const std::size_t before = out.packages.size();
    if (reader.has(path) && !add_rpm_packages(reader.whole(path), path, check, out.packages))
      out.unread.push_back(path);
    // One is often a link to another.
    if (out.packages.size() > before) return;
  }
  for (const std::string place : places) {
    // Berkeley DB of rpm before 4.16, and openSUSE's.
    for (const char* name : {"Packages", "Packages.db"}) {
      if (reader.has(place + name)) out.unread.push_back(place + name);
    }
  }
}

}  // namespace

Inventory scan_packages(int root, const std::function<void()>& check) {
  Inventory out;
  ListReader reader{root, check};
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    if (out.distribution.id.empty()) out.distribution = parse_distribution(reader.whole(path, kLargestFile));
  }
  scan_debian(reader, out.packages);
  scan_alpine(reader, out.packages);
  scan_rpm(reader, check, out);
  return out;
}

}  // namespace gantry::build
