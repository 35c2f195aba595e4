#include "images/blob_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/id.hpp"

namespace gantry::images {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::string_view kBeginning = ".beginning";
constexpr std::uint64_t kWorthKeeping = std::uint64_t{1} << 20;
constexpr std::chrono::hours kKeptFor{24};

bool is_beginning(const std::filesystem::path& path) { return path.extension() == kBeginning; }

bool is_wanted(const std::filesystem::directory_entry& entry) {
  return is_beginning(entry.path()) && entry.is_regular_file() && entry.file_size() >= kWorthKeeping &&
         entry.last_write_time() > std::filesystem::file_time_type::clock::now() - kKeptFor;
}

// Whoever removes such a file holds its lock: the one that is locked may be gone.
UniqueFd lock_beginning(const std::filesystem::path& path) {
  for (;;) {
    UniqueFd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file) throw_errno("cannot create " + path.string());
    if (::flock(file.get(), LOCK_EX) != 0) throw_errno("cannot lock " + path.string());
    struct stat found {};
    if (::fstat(file.get(), &found) != 0) throw_errno("cannot stat " + path.string());
    if (found.st_nlink > 0) return file;
  }
}

}  // namespace

BlobStore::BlobStore(std::filesystem::path root)
    : blobs_(root / "blobs" / "sha256"), ingest_(root / "blobs" / "ingest") {
  std::filesystem::create_directories(blobs_);
  std::filesystem::create_directories(ingest_);
  std::filesystem::permissions(root / "blobs", std::filesystem::perms::owner_all);
}

std::filesystem::path BlobStore::path(const std::string& digest) const {
  if (!is_sha256_digest(digest)) throw Error{Errc::invalid, "\"" + digest + "\" is not a sha256 digest"};
  return blobs_ / digest.substr(kPrefix.size());
}

bool BlobStore::has(const std::string& digest, std::uint64_t size) const {
  struct stat found {};
  return ::stat(path(digest).c_str(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) == size;
}

bool BlobStore::has(const std::string& digest) const { return ::access(path(digest).c_str(), F_OK) == 0; }

std::uint64_t BlobStore::size(const std::string& digest) const {
  struct stat found {};
  return ::stat(path(digest).c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

UniqueFd BlobStore::open(const std::string& digest) const {
  UniqueFd file{::open(path(digest).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!file) throw_errno("cannot open blob " + digest);
  return file;
}

std::string BlobStore::read(const std::string& digest, std::size_t limit) const {
  return read_file(path(digest), limit);
}

std::string BlobStore::put(std::string_view content) const {
  Writer writer{*this};
  writer.write(std::as_bytes(std::span{content}));
  return writer.commit();
}

std::filesystem::path BlobStore::set_aside(const std::string& digest) const {
  std::filesystem::path aside = ingest_ / random_id();
  if (::rename(path(digest).c_str(), aside.c_str()) == 0) return aside;
  if (errno != ENOENT) throw_errno("cannot remove blob " + digest);
  return {};
}

std::vector<std::string> BlobStore::list() const {
  std::vector<std::string> digests;
  for (const auto& entry : std::filesystem::directory_iterator{blobs_}) {
    std::string digest = std::string{kPrefix} + entry.path().filename().string();
    if (is_sha256_digest(digest)) digests.push_back(std::move(digest));
  }
  return digests;
}

void BlobStore::remove_temporaries() const {
  for (const auto& entry : std::filesystem::directory_iterator{ingest_}) {
    if (!is_wanted(entry)) std::filesystem::remove_all(entry.path());
  }
}

std::uint64_t BlobStore::remove_beginnings(std::chrono::seconds unused_for) const {
  std::uint64_t freed = 0;
  const auto now = std::filesystem::file_time_type::clock::now();
  for (const auto& entry : std::filesystem::directory_iterator{ingest_}) {
    std::error_code gone;
    if (!is_beginning(entry.path()) || entry.last_write_time(gone) > now - unused_for || gone) continue;
    const UniqueFd file{::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    struct stat found {};
    if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(file.get(), &found) != 0) continue;
    if (::unlink(entry.path().c_str()) == 0) freed += static_cast<std::uint64_t>(found.st_blocks) * 512;
  }
  return freed;
}

BlobStore::Writer::Writer(const BlobStore& store) : store_(&store), temporary_(store.ingest_ / random_id()) {
  file_.reset(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file_) throw_errno("cannot create " + temporary_.string());
}

BlobStore::Writer::Writer(const BlobStore& store, const std::string& digest, std::uint64_t size)
    : store_(&store), temporary_(store.ingest_ / (store.path(digest).filename().string() + std::string(kBeginning))) {
  store.remove_beginnings(kKeptFor);
  file_ = lock_beginning(temporary_);
  struct stat found {};
  const bool fits = ::fstat(file_.get(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) <= size;
  if (!fits && ::ftruncate(file_.get(), 0) != 0) throw_errno("cannot begin blob " + digest + " anew");
}

BlobStore::Writer::Writer(Writer&& other) noexcept
    : store_(other.store_),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)),
      hash_(std::move(other.hash_)),
      size_(other.size_) {}

BlobStore::Writer::~Writer() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void BlobStore::Writer::write(std::span<const std::byte> bytes) {
  hash_.update(bytes);
  write_all(file_.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  size_ += bytes.size();
}

void BlobStore::Writer::replay(ByteSink& copy) {
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  for (;;) {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read " + temporary_.string());
    if (got == 0) return;
    const auto part = std::span{buffer}.first(static_cast<std::size_t>(got));
    hash_.update(part);
    size_ += part.size();
    copy.write(part);
  }
}

void BlobStore::Writer::keep() {
  // Not what was replayed of it: that may have been interrupted, too.
  struct stat found {};
  const bool worth = ::fstat(file_.get(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) >= kWorthKeeping;
  if (worth && is_beginning(temporary_)) temporary_.clear();
}

std::string BlobStore::Writer::commit() {
  std::string digest = hash_.digest();
  publish(digest);
  return digest;
}

void BlobStore::Writer::commit(const std::string& expected, std::uint64_t expected_size) {
  if (size_ != expected_size) {
    throw Error{Errc::invalid, "blob " + expected + " has " + std::to_string(size_) + " bytes instead of " +
                                   std::to_string(expected_size)};
  }
  const std::string digest = hash_.digest();
  if (digest != expected) {
    throw Error{Errc::invalid, "filesystem layer verification failed for digest " + expected};
  }
  publish(digest);
}

void BlobStore::Writer::publish(const std::string& digest) {
  if (::rename(temporary_.c_str(), store_->path(digest).c_str()) != 0) throw_errno("cannot keep blob " + digest);
  temporary_.clear();
  file_.reset();
}

std::size_t FileSource::read(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw_errno("cannot read a blob");
  }
}

void FileSource::seek(std::uint64_t offset) {
  if (::lseek(file_.get(), static_cast<off_t>(offset), SEEK_SET) < 0) throw_errno("cannot read a blob");
}

}  // namespace gantry::images
