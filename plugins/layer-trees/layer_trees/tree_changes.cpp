#include "layer_trees/tree_changes.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "layer_archive/directory.hpp"
#include "layer_archive/layer_writer.hpp"
#include "layer_archive/parent_directories.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::layer_trees {
namespace {

using layer_archive::Directory;
using storage::v1::Change;
using storage::v1::ChangeKind;

class Comparison {
 public:
  explicit Comparison(const Call& call) : call_(call) {}

  /// `then` is null for a directory that is new. Returns whether anything in it has changed.
  bool directory(const Directory* then, const Directory& now, const std::string& path) {
    call_.check();
    layer_archive::check_depth(path);
    const std::size_t before = changes_.size();
    const std::vector<std::string> names = now.sorted_names();
    for (const std::string& name : names) entry(then, now, name, path + "/" + name);
    if (then != nullptr) {
      for (const std::string& name : then->sorted_names()) {
        if (!std::binary_search(names.begin(), names.end(), name))
          changes_.push_back({ChangeKind::removed, path + "/" + name});
      }
    }
    return changes_.size() > before;
  }

  [[nodiscard]] std::vector<Change> take() {
    std::sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  void entry(const Directory* then, const Directory& now, const std::string& name, const std::string& path) {
    struct stat after {};
    if (!layer_archive::find(now.fd(), name, after)) return;
    struct stat before {};
    const bool existed = then != nullptr && layer_archive::find(then->fd(), name, before);
    bool changed = false;
    if (S_ISDIR(after.st_mode)) {
      std::optional<Directory> old;
      if (existed && S_ISDIR(before.st_mode)) old = Directory::open(then->fd(), name);
      changed = directory(old ? &*old : nullptr, Directory::open(now.fd(), name), path);
    }
    if (!existed) {
      changes_.push_back({ChangeKind::added, path});
    } else if (changed || layer_archive::differs({then->fd(), name, before}, {now.fd(), name, after})) {
      changes_.push_back({ChangeKind::modified, path});
    }
  }

  const Call& call_;
  std::vector<Change> changes_;
};

/// A changed file, found again by its path.
class Finder {
 public:
  explicit Finder(const std::string& tree) : root_(Directory::open(AT_FDCWD, tree)), parents_(root_.fd()) {}

  struct Found {
    int directory{};
    std::string name;
    struct stat status {};
  };

  std::optional<Found> find(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    Found found;
    found.directory = slash == std::string::npos ? root_.fd() : parents_.open(std::string_view{path}.substr(0, slash));
    found.name = path.substr(slash + 1);
    if (found.directory < 0 || !layer_archive::find(found.directory, found.name, found.status)) return std::nullopt;
    return found;
  }

 private:
  Directory root_;
  layer_archive::ParentDirectories parents_;
};

std::string relative(const Change& change) { return change.path.substr(1); }

}  // namespace

std::vector<Change> tree_changes(const std::string& then, const std::string& now, const Call& call) {
  Comparison comparison{call};
  const Directory before = Directory::open(AT_FDCWD, then);
  comparison.directory(&before, Directory::open(AT_FDCWD, now), "");
  return comparison.take();
}

storage::v1::Usage size_of_changes(const std::string& now, const std::vector<Change>& changes) {
  Finder finder{now};
  storage::v1::Usage usage;
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const Change& change : changes) {
    if (change.kind == ChangeKind::removed) continue;
    const auto found = finder.find(relative(change));
    if (!found || !seen.insert({found->status.st_dev, found->status.st_ino}).second) continue;
    ++usage.inodes;
    if (S_ISREG(found->status.st_mode)) usage.size += static_cast<std::uint64_t>(found->status.st_size);
  }
  return usage;
}

void write_changes(const std::string& now, const std::vector<Change>& changes, ByteSink& tar, const Call& call) {
  Finder finder{now};
  layer_archive::LayerWriter writer{tar, call};
  if (const auto root = finder.find(".")) writer.entry(root->directory, ".", "", root->status);
  for (const Change& change : changes) {
    const std::string path = relative(change);
    if (change.kind == ChangeKind::removed) {
      writer.whiteout(path);
    } else if (const auto found = finder.find(path)) {
      writer.entry(found->directory, found->name, path, found->status);
    }
  }
  writer.finish();
}

}  // namespace gantry::layer_trees
