#include "upper_changes.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "layer_archive/directory.hpp"
#include "layer_archive/layer_writer.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::overlay {
namespace {

using layer_archive::Directory;
using storage::v1::Change;
using storage::v1::ChangeKind;

class Comparison {
 public:
  explicit Comparison(const Call& call) : call_(call) {}

  /// Returns whether anything in the directory has changed.
  bool directory(const Directory& upper, const LowerView& lower, const std::string& path) {
    call_.check();
    layer_archive::check_depth(path);
    const std::size_t before = changes_.size();
    const std::vector<std::string> names = upper.sorted_names();
    for (const std::string& name : names) entry(upper, lower, name, path + "/" + name);
    if (layer_archive::is_opaque(upper.fd())) hidden(lower, names, path);
    return changes_.size() > before;
  }

  [[nodiscard]] std::vector<Change> take() {
    std::sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  void entry(const Directory& upper, const LowerView& lower, const std::string& name, const std::string& path) {
    struct stat now {};
    if (!layer_archive::find(upper.fd(), name, now)) return;
    struct stat then {};
    int place = -1;
    const bool existed = lower.find(name, then, place);
    if (layer_archive::is_whiteout(now)) {
      if (existed) changes_.push_back({ChangeKind::removed, path});
      return;
    }
    bool changed = false;
    // Not lower.enter() of a file: what is in a directory that took its place is new.
    if (S_ISDIR(now.st_mode)) changed = directory(Directory::open(upper.fd(), name), lower.enter(name), path);
    if (!existed) {
      changes_.push_back({ChangeKind::added, path});
    } else if (changed || layer_archive::differs({place, name, then}, {upper.fd(), name, now})) {
      changes_.push_back({ChangeKind::modified, path});
    }
  }

  void hidden(const LowerView& lower, const std::vector<std::string>& names, const std::string& path) {
    for (const std::string& name : lower.names()) {
      if (!std::binary_search(names.begin(), names.end(), name))
        changes_.push_back({ChangeKind::removed, path + "/" + name});
    }
  }

  const Call& call_;
  std::vector<Change> changes_;
};

void write_directory(const Directory& upper, const LowerView& lower, const std::string& path,
                     layer_archive::LayerWriter& writer) {
  layer_archive::check_depth(path);
  if (layer_archive::is_opaque(upper.fd()) && !lower.names().empty()) writer.opaque(path);
  for (const std::string& name : upper.sorted_names()) {
    const std::string inner = path.empty() ? name : path + "/" + name;
    struct stat status {};
    if (!layer_archive::find(upper.fd(), name, status)) continue;
    if (layer_archive::is_whiteout(status)) {
      struct stat hidden {};
      int place = -1;
      if (lower.find(name, hidden, place)) writer.whiteout(inner);
      continue;
    }
    writer.entry(upper.fd(), name, inner, status);
    if (S_ISDIR(status.st_mode)) write_directory(Directory::open(upper.fd(), name), lower.enter(name), inner, writer);
  }
}

}  // namespace

std::vector<Change> upper_changes(const std::string& upper, const LowerView& lower, const Call& call) {
  Comparison comparison{call};
  comparison.directory(Directory::open(AT_FDCWD, upper), lower, "");
  return comparison.take();
}

void write_upper(const std::string& upper, const LowerView& lower, ByteSink& tar, const Call& call) {
  const Directory root = Directory::open(AT_FDCWD, upper);
  layer_archive::LayerWriter writer{tar, call};
  struct stat status {};
  if (layer_archive::find(root.fd(), ".", status)) writer.entry(root.fd(), ".", "", status);
  write_directory(root, lower, "", writer);
  writer.finish();
}

}  // namespace gantry::overlay
