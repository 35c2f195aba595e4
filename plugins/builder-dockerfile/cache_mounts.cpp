#include "cache_mounts.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>

#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/tree.hpp"
#include "sha256.hpp"

namespace gantry::dockerfile {

using layer_archive::Directory;

CacheMounts::Use::Use(Use&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      key_(std::move(other.key_)),
      path_(std::move(other.path_)),
      alone_(other.alone_) {}

CacheMounts::Use::~Use() {
  if (owner_ != nullptr) owner_->release(key_, alone_);
}

bool CacheMounts::Use::is_new() const { return Directory::open(AT_FDCWD, path_).names().empty(); }

namespace {

/// What is told of a cache beside it: in "<key>.used".
struct UseNote {
  std::int64_t created{};
  std::int64_t last_used{};
  std::uint64_t count{};
  std::string id;  ///< As the Dockerfile has it.
};

constexpr std::string_view kNote = ".used";

std::string note_path(const std::string& cache) { return cache + std::string{kNote}; }

UseNote read_note(const std::string& cache) {
  UseNote out;
  std::ifstream file(note_path(cache));
  if (file >> out.created >> out.last_used >> out.count && file.ignore()) {
    out.id.assign(std::istreambuf_iterator<char>{file}, {});
    return out;
  }
  // None yet, or half of one.
  struct stat status {};
  if (::stat(cache.c_str(), &status) != 0) return {};
  const std::int64_t changed = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return {changed, changed, 0, ""};
}

void note_use(const std::string& cache, const std::string& id) {
  UseNote note = read_note(cache);
  const std::int64_t now = std::chrono::nanoseconds{std::chrono::system_clock::now().time_since_epoch()}.count();
  if (note.count == 0) note.created = now;
  // A note that is lost costs a figure: it need not be on disk before the step runs.
  std::ofstream file(note_path(cache), std::ios::trunc);
  file << note.created << ' ' << now << ' ' << note.count + 1 << '\n' << id;
}

}  // namespace

CacheMounts::Use CacheMounts::take(const std::string& id, const std::string& sharing, const Call& call) {
  const std::string name = sha256_hex(id);
  const bool alone = sharing == "locked" || sharing == "private";
  std::string key = name;
  std::unique_lock lock{mutex_};
  if (sharing == "private") {
    for (int copy = 1; in_use_[key].users > 0; ++copy) key = name + "-" + std::to_string(copy);
  }
  State& state = in_use_[key];
  while (state.locked || (alone && state.users > 0)) {
    freed_.wait_for(lock, std::chrono::milliseconds{100});
    call.check();
  }
  ++state.users;
  state.locked = alone;
  state.size.reset();
  lock.unlock();
  Use use{this, key, root_ + "/" + key, alone};
  layer_archive::make_directory(AT_FDCWD, use.path(), 0755);
  note_use(use.path(), id);
  return use;
}

void CacheMounts::release(const std::string& key, bool alone) noexcept {
  const std::lock_guard lock{mutex_};
  State& state = in_use_[key];
  --state.users;
  if (alone) state.locked = false;
  freed_.notify_all();
}

std::vector<std::string> CacheMounts::keys() const {
  std::vector<std::string> out = Directory::open(AT_FDCWD, root_).sorted_names();
  std::erase_if(out, [](const std::string& name) { return name.ends_with(kNote); });
  return out;
}

std::uint64_t CacheMounts::measured(const std::string& key, const Call& call) {
  {
    const std::lock_guard lock{mutex_};
    if (const auto& size = in_use_[key].size) return *size;
  }
  const std::uint64_t size = layer_archive::measure(AT_FDCWD, root_ + "/" + key, call).bytes;
  const std::lock_guard lock{mutex_};
  if (in_use_[key].users == 0) in_use_[key].size = size;
  return size;
}

std::vector<builder::v1::CacheRecord> CacheMounts::records(const Call& call) {
  std::vector<builder::v1::CacheRecord> out;
  for (const std::string& key : keys()) {
    const UseNote note = read_note(root_ + "/" + key);
    builder::v1::CacheRecord record;
    record.id = key;
    record.type = "exec.cachemount";
    record.description = "cached mount " + note.id;
    record.created = note.created;
    record.last_used = note.last_used;
    record.use_count = note.count;
    record.size = measured(key, call);
    const std::lock_guard lock{mutex_};
    record.in_use = in_use_[key].users > 0;
    out.push_back(std::move(record));
  }
  return out;
}

std::uint64_t CacheMounts::remove(const std::string& key, const Call& call) {
  const auto known = keys();
  // Nothing but names of our own is looked at on disk.
  if (std::find(known.begin(), known.end(), key) == known.end()) return 0;
  {
    const std::lock_guard lock{mutex_};
    State& state = in_use_[key];
    if (state.users > 0) throw Error{Errc::conflict, "the cache mount " + key + " is in use"};
    // A build that wants it now waits until it is gone.
    state.users = 1;
    state.locked = true;
    state.size.reset();
  }
  const Use use{this, key, root_ + "/" + key, true};
  const std::uint64_t bytes = layer_archive::measure(AT_FDCWD, use.path(), call).bytes;
  layer_archive::remove_tree(AT_FDCWD, use.path());
  layer_archive::remove_tree(AT_FDCWD, note_path(use.path()));
  return bytes;
}

std::uint64_t CacheMounts::size(const Call& call) const {
  std::uint64_t out = 0;
  for (const std::string& key : keys()) out += layer_archive::measure(AT_FDCWD, root_ + "/" + key, call).bytes;
  return out;
}

std::uint64_t CacheMounts::prune(const Call& call) {
  std::uint64_t freed = 0;
  for (const std::string& key : keys()) {
    call.check();
    try {
      freed += remove(key, call);
    } catch (const Error& error) {
      if (error.code() != Errc::conflict) throw;
    }
  }
  return freed;
}

}  // namespace gantry::dockerfile
