#include <sys/stat.h>

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::layer_archive {
namespace {

using Identity = std::pair<dev_t, ino_t>;

Identity identity_of(const Directory& directory) {
  struct stat status {};
  if (!find(directory.fd(), ".", status)) throw_errno("cannot stat a directory", ENOENT);
  return {status.st_dev, status.st_ino};
}

/// It may go, or become something else, while somebody works in the tree; what nobody may read is not counted.
std::optional<Directory> open_if_there(int parent, const std::string& name) {
  try {
    return Directory::open(parent, name);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found && error.code() != Errc::io) throw;
    return {};
  }
}

/// A directory on the way down.
struct MeasuredLevel {
  std::string name;
  Identity identity;
  std::vector<std::string> subdirectories;  ///< Those that are still to be looked into.
};

/// Directories may be nested deeper than there is stack, or descriptors: only the first and the current one are open.
class Measure {
 public:
  Measure(int directory, const std::string& name, const Call& call)
      : call_(call), top_(Directory::open(directory, name)), current_(Directory::open(top_.fd(), ".")) {
    look("");
  }

  TreeSize run() {
    while (!levels_.empty()) {
      auto& left = levels_.back().subdirectories;
      if (left.empty()) {
        leave();
        continue;
      }
      const std::string next = std::move(left.back());
      left.pop_back();
      if (auto inner = open_if_there(current_.fd(), next)) {
        current_ = std::move(*inner);
        look(next);
      }
    }
    return size_;
  }

 private:
  /// Counts what is in the current directory.
  void look(const std::string& name) {
    call_.check();
    MeasuredLevel level{name, identity_of(current_), {}};
    for (Name& entry : current_.names()) {
      struct stat status {};
      if (!find(current_.fd(), entry.text, status)) continue;
      const bool seen =
          !S_ISDIR(status.st_mode) && status.st_nlink > 1 && !linked_.insert({status.st_dev, status.st_ino}).second;
      if (seen) continue;
      ++size_.inodes;
      if (S_ISREG(status.st_mode)) size_.bytes += static_cast<std::uint64_t>(status.st_size);
      if (S_ISDIR(status.st_mode)) level.subdirectories.push_back(std::move(entry.text));
    }
    levels_.push_back(std::move(level));
  }

  void leave() {
    levels_.pop_back();
    if (levels_.empty()) return;
    auto above = open_if_there(current_.fd(), "..");
    if (above && identity_of(*above) == levels_.back().identity) {
      current_ = std::move(*above);
    } else {
      go_down_again();
    }
  }

  // Somebody has moved the directory, perhaps so that ".." leads out of the tree.
  void go_down_again() {
    call_.check();
    current_ = Directory::open(top_.fd(), ".");
    for (std::size_t depth = 1; depth < levels_.size(); ++depth) {
      auto next = open_if_there(current_.fd(), levels_[depth].name);
      if (!next || identity_of(*next) != levels_[depth].identity) return levels_.resize(depth);
      current_ = std::move(*next);
    }
  }

  const Call& call_;
  Directory top_;
  Directory current_;
  std::vector<MeasuredLevel> levels_;
  TreeSize size_;
  std::set<Identity> linked_;
};

}  // namespace

TreeSize measure(int directory, const std::string& name, const Call& call) {
  return Measure{directory, name, call}.run();
}

}  // namespace gantry::layer_archive
