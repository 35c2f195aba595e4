#include "context.hpp"

#include <fcntl.h>

#include <algorithm>

#include "archive.hpp"
#include "build_origins.hpp"
#include "fetched_files.hpp"
#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

/// The place of a named context that came in the same archive.
constexpr std::string_view kDirectory = "directory:";
/// In memory it may become twenty times as much.
constexpr std::size_t kMaxRecipe = std::size_t{4} << 20;
/// Each file is compared with each pattern.
constexpr std::size_t kMaxIgnored = std::size_t{1} << 20;

IgnorePatterns parse_ignored(const std::string& text) {
  if (text.size() > kMaxIgnored) {
    throw Error{Errc::invalid, "the .dockerignore is larger than " + std::to_string(kMaxIgnored) + " bytes"};
  }
  return IgnorePatterns::parse(text);
}

/// Nothing of a repository leads out of it.
UniqueFd open_below(const UniqueFd& root, const std::string& directory) {
  UniqueFd below = Tree{root.get()}.open(directory, O_RDONLY | O_DIRECTORY);
  if (!below) throw Error{Errc::invalid, "subdir not a directory or not in the repository: " + directory};
  return below;
}

}  // namespace

Context::Context(const std::string& parent, const builder::v1::Request& request, ByteSource& source,
                 const Fetcher& fetcher, SumMemory& memory, bool tells, const Call& call)
    : work_(parent), tells_(tells) {
  root_ = open_directory(work_.make("context"));
  if (request.directory >= 0) {
    look_through(request, memory, call);
  } else if (request.remote.empty()) {
    if (!look_through_archive(request, call)) unpack_archive(source, root_.get(), call);
  } else {
    fetch(request.remote, fetcher, call);
  }
  places_ = request.contexts;
  take_directories(call);
  tree_ = std::make_unique<Tree>(root_.get());
  hash_ = std::make_unique<TreeHash>(*tree_, call);
  if (!here_) return;
  read_recipe(request.recipe);
  remove_ignored();
}

void Context::look_through(const builder::v1::Request& request, SumMemory& memory, const Call& call) {
  host_ = std::make_unique<HostDirectory>(request.directory, request.reader, call);
  recipe_name_ = request.recipe.empty() ? "Dockerfile" : request.recipe;
  const auto recipe = host_->read(recipe_name_, kMaxRecipe);
  if (!recipe) throw Error{Errc::invalid, "Cannot locate specified Dockerfile: " + recipe_name_};
  recipe_ = *recipe;
  if (recipe_.empty()) throw Error{Errc::invalid, "the Dockerfile (" + recipe_name_ + ") cannot be empty"};
  auto ignored = host_->read(recipe_name_ + ".dockerignore", kMaxRecipe);
  if (!ignored) ignored = host_->read(".dockerignore", kMaxRecipe);
  ignored_ = parse_ignored(ignored.value_or(""));
  host_->list(ignored_);
  early_hash_ = std::make_unique<HostHash>(*host_, memory, call);
  here_ = false;
}

/// False: it has to be unpacked.
bool Context::look_through_archive(const builder::v1::Request& request, const Call& call) {
  constexpr const char* kIgnored = ".dockerignore";
  const auto& places = request.contexts;
  const bool brings_others =
      std::ranges::any_of(places, [](const auto& at) { return at.second.starts_with(kDirectory); });
  if (request.archive < 0 || brings_others) return false;
  const std::string name = request.recipe.empty() ? "Dockerfile" : request.recipe;
  const std::string recipe = clean_in_root(name);
  auto sent = SentArchive::look_through(request.archive, {recipe, kIgnored}, kMaxRecipe, call);
  const SentArchive::Entry* found = sent == nullptr ? nullptr : sent->find(recipe);
  if (found == nullptr || found->content.empty()) return false;
  recipe_name_ = name;
  recipe_ = found->content;
  if (const SentArchive::Entry* ignored = sent->find(kIgnored); ignored != nullptr) {
    if (!S_ISREG(ignored->mode)) return false;
    ignored_ = parse_ignored(ignored->content);
    for (const std::string& path : left_out(ignored_)) sent->leave_out(path);
  }
  sent_ = std::move(sent);
  archive_ = request.archive;
  early_hash_ = std::make_unique<ArchiveHash>(*sent_);
  here_ = false;
  return true;
}

bool Context::is_here() {
  const std::lock_guard lock{mutex_};
  return here_;
}

ContentHash& Context::hash() {
  const std::lock_guard lock{mutex_};
  return early_hash_ != nullptr ? *early_hash_ : *hash_;
}

std::vector<std::string> Context::paths() {
  if (sent_ != nullptr) return sent_->paths();
  return host_ != nullptr ? host_->paths() : tree_->all();
}

void Context::bring(const Call& call) {
  const std::lock_guard lock{mutex_};
  if (here_) return;
  if (sent_ != nullptr) {
    unpack_archive(archive_, root_.get(), call);
    remove_ignored();
  } else if (!host_->copy_to(root_.get(), call)) {
    // What was copied counts: if it is not what was looked at, it is looked at again.
    hash_before_ = std::move(early_hash_);
  }
  here_ = true;
}

/// The commit is asked for first: it is what is told, and then fetched.
UniqueFd Context::fetch_repository(const std::string& address, const GitAddress& repository, const std::string& path,
                                   const Fetcher& fetcher, const Call& call) {
  GitAddress wanted = repository;
  if (tells_) wanted.commit = fetcher.commit_of(repository, call);
  fetcher.repository(wanted, path, false, call);
  if (tells_) materials_.push_back(repository_material(address, wanted.commit));
  return open_below(open_directory(path), repository.directory);
}

std::vector<builder::v1::Material> Context::materials() {
  const std::lock_guard lock{mutex_};
  return materials_;
}

void Context::fetch(const std::string& address, const Fetcher& fetcher, const Call& call) {
  if (const auto repository = parse_git_address(address)) {
    root_ = fetch_repository(address, *repository, work_.path() + "/context", fetcher, call);
    return;
  }
  if (!is_address(address)) throw Error{Errc::invalid, "remoteURL (" + address + ") could not be recognized as URL"};
  const UniqueFd file{::open(work_.path().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600)};
  if (!file) layer_archive::throw_errno("cannot keep what is fetched");
  const Download download = fetcher.file(address, file.get(), call);
  if (tells_) materials_.push_back(file_material(address, digest_of(file.get(), call)));
  if (is_archive(file.get())) return unpack_archive(file.get(), root_.get(), call, fetcher.limit());
  const std::string text = read_whole(file.get(), kMaxRecipe, without_password(address));
  if (text.find('\0') != std::string::npos) {
    throw Error{Errc::invalid, "what is at " + without_password(address) + " (" + download.media_type +
                                   ") is neither an archive nor a Dockerfile"};
  }
  recipe_ = text;
}

// They came in the same archive, and are no part of what the recipe copies from "." .
void Context::take_directories(const Call& call) {
  const Tree whole{root_.get()};
  for (const auto& [name, place] : places_) {
    if (!place.starts_with(kDirectory)) continue;
    const std::string path = clean_in_root(place.substr(kDirectory.size()));
    const std::string kept = work_.path() + "/named-" + std::to_string(named_.size());
    struct stat status {};
    const bool usable = !path.empty() && path.find('/') == std::string::npos &&
                        ::fstatat(root_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISDIR(status.st_mode);
    if (!usable) throw Error{Errc::invalid, "the context " + quote(name) + " is not among what was sent"};
    if (::renameat(root_.get(), path.c_str(), AT_FDCWD, kept.c_str()) != 0) {
      layer_archive::throw_errno("cannot keep a context");
    }
    NamedContext context;
    context.root = open_directory(kept);
    context.tree = std::make_unique<Tree>(context.root.get());
    context.hash = std::make_unique<TreeHash>(*context.tree, call);
    named_[name] = std::move(context);
  }
}

NamedContext Context::fetched_context(const std::string& address, const Fetcher& fetcher, const Call& call) {
  const std::string path = work_.make("named-" + std::to_string(named_.size()));
  NamedContext out;
  out.root = open_directory(path);
  if (const auto repository = parse_git_address(address)) {
    out.root = fetch_repository(address, *repository, path, fetcher, call);
  } else {
    const UniqueFd file{::open(work_.path().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600)};
    if (!file) layer_archive::throw_errno("cannot keep what is fetched");
    static_cast<void>(fetcher.file(address, file.get(), call));
    if (tells_) materials_.push_back(file_material(address, digest_of(file.get(), call)));
    unpack_archive(file.get(), out.root.get(), call, fetcher.limit());
  }
  out.tree = std::make_unique<Tree>(out.root.get());
  out.hash = std::make_unique<TreeHash>(*out.tree, call);
  return out;
}

const NamedContext* Context::named(const std::string& name, const Fetcher& fetcher, const Call& call) {
  const auto place = places_.find(name);
  if (place == places_.end() || image_named(name)) return nullptr;
  const std::lock_guard lock{mutex_};
  auto found = named_.find(name);
  if (found == named_.end()) {
    if (!is_address(place->second)) throw Error{Errc::invalid, "unsupported context source " + quote(place->second)};
    found = named_.emplace(name, fetched_context(place->second, fetcher, call)).first;
  }
  return &found->second;
}

std::optional<std::string> Context::image_named(const std::string& name) const {
  constexpr std::string_view kImage = "docker-image://";
  const auto place = places_.find(name);
  if (place == places_.end() || !place->second.starts_with(kImage)) return {};
  return place->second.substr(kImage.size());
}

void Context::read_recipe(const std::string& wanted) {
  recipe_name_ = wanted.empty() ? "Dockerfile" : wanted;
  if (!recipe_.empty()) return;  // It came alone.
  UniqueFd file = tree_->open_file(recipe_name_);
  // Two files of one name but for its case: dockerd takes this one too.
  if (!file && wanted.empty()) file = tree_->open_file("dockerfile");
  if (!file) throw Error{Errc::invalid, "Cannot locate specified Dockerfile: " + recipe_name_};
  recipe_ = read_whole(file.get(), kMaxRecipe, recipe_name_);
  if (recipe_.empty()) throw Error{Errc::invalid, "the Dockerfile (" + recipe_name_ + ") cannot be empty"};
}

/// The client leaves out what is ignored, but for the two files that it needs to say so.
void Context::remove_ignored() {
  const UniqueFd file = tree_->open_file(".dockerignore");
  if (!file) return;
  ignored_ = parse_ignored(read_whole(file.get(), kMaxRecipe, ".dockerignore"));
  for (const std::string& name : left_out(ignored_)) {
    layer_archive::remove_tree(root_.get(), name);
  }
}

std::vector<std::string> Context::left_out(const IgnorePatterns& patterns) const {
  std::vector<std::string> out;
  for (const std::string& name : {std::string{".dockerignore"}, clean_in_root(recipe_name_)}) {
    if (name.find('/') == std::string::npos && patterns.matches(name)) out.push_back(name);
  }
  return out;
}

}  // namespace gantry::dockerfile
