#include "lower_view.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <utility>

namespace gantry::overlay {

using layer_archive::Directory;

LowerView::LowerView(const std::vector<std::string>& trees) {
  for (const std::string& tree : trees) directories_.push_back(Directory::open(AT_FDCWD, tree));
}

bool LowerView::find(const std::string& name, struct stat& out, int& directory) const {
  for (const Directory& candidate : directories_) {
    if (!layer_archive::find(candidate.fd(), name, out)) continue;
    directory = candidate.fd();
    return !layer_archive::is_whiteout(out);
  }
  return false;
}

LowerView LowerView::enter(const std::string& name) const {
  LowerView inner;
  for (const Directory& candidate : directories_) {
    struct stat status {};
    if (!layer_archive::find(candidate.fd(), name, status)) continue;
    if (!S_ISDIR(status.st_mode)) break;  // a file or a whiteout hides what is below
    inner.directories_.push_back(Directory::open(candidate.fd(), name));
    if (layer_archive::is_opaque(inner.directories_.back().fd())) break;
  }
  return inner;
}

std::vector<std::string> LowerView::names() const {
  std::map<std::string, bool> seen;  // whether the topmost layer that has the name shows it
  for (const Directory& directory : directories_) {
    for (auto& name : directory.names()) {
      struct stat status {};
      if (seen.contains(name.text) || !layer_archive::find(directory.fd(), name.text, status)) continue;
      seen.emplace(std::move(name.text), !layer_archive::is_whiteout(status));
    }
  }
  std::vector<std::string> visible;
  for (const auto& [name, shown] : seen) {
    if (shown) visible.push_back(name);
  }
  return visible;
}

}  // namespace gantry::overlay
