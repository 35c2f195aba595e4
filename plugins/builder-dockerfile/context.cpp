#include "context.hpp"

#include <fcntl.h>

#include "archive.hpp"
#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

constexpr std::size_t kMaxRecipe = std::size_t{16} << 20;

}  // namespace

Context::Context(const std::string& parent, const builder::v1::Request& request, ByteSource& source, const Call& call)
    : work_(parent) {
  if (!request.remote.empty()) {
    throw Error{Errc::unsupported, "a build context at \"" + request.remote +
                                       "\" is not supported: fetch it and build from a directory or an archive"};
  }
  root_ = open_directory(work_.make("context"));
  unpack_archive(source, root_.get(), call);
  tree_ = std::make_unique<Tree>(root_.get());
  hash_ = std::make_unique<ContentHash>(*tree_, call);
  read_recipe(request.recipe);
  remove_ignored();
}

void Context::read_recipe(const std::string& wanted) {
  recipe_name_ = wanted.empty() ? "Dockerfile" : wanted;
  UniqueFd file = tree_->open(recipe_name_, O_RDONLY);
  // Two files of one name but for its case: dockerd takes this one too.
  if (!file && wanted.empty()) file = tree_->open("dockerfile", O_RDONLY);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw Error{Errc::invalid, "Cannot locate specified Dockerfile: " + recipe_name_};
  }
  recipe_ = read_whole(file.get(), kMaxRecipe);
  if (recipe_.empty()) throw Error{Errc::invalid, "the Dockerfile (" + recipe_name_ + ") cannot be empty"};
}

/// The client leaves out what is ignored, but for the two files that it needs to say so.
void Context::remove_ignored() {
  const UniqueFd file = tree_->open(".dockerignore", O_RDONLY);
  if (!file) return;
  const IgnorePatterns patterns = IgnorePatterns::parse(read_whole(file.get(), kMaxRecipe));
  for (const std::string& name : {std::string{".dockerignore"}, clean_in_root(recipe_name_)}) {
    if (name.find('/') == std::string::npos && patterns.matches(name)) layer_archive::remove_tree(root_.get(), name);
  }
}

}  // namespace gantry::dockerfile
