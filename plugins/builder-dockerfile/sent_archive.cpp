#include "sent_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <deque>

#include "archive.hpp"
#include "gantry/error.hpp"
#include "layer_archive/parent_directories.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

constexpr std::size_t kMostEntries = 1'000'000;
constexpr int kMostLinks = 40;  // As the kernel's.

/// The parts of a path, those of `rest` behind them.
void put_before(std::string_view path, std::deque<std::string>& rest) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  rest.insert(rest.begin(), parts.begin(), parts.end());
}

}  // namespace

bool SentArchive::WalkOrder::operator()(std::string_view a, std::string_view b) const noexcept {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1; };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

/// Entry by entry.
class SentArchive::Looking {
 public:
  Looking(SentArchive& out, const std::set<std::string>& wanted, std::size_t limit, const Call& call)
      : out_(out), wanted_(wanted), limit_(limit), call_(call) {}

  /// False: it has to be unpacked.
  bool take(archive& reader, archive_entry& entry) {
    const char* raw = ::archive_entry_pathname(&entry);
    if (raw == nullptr || ::archive_entry_hardlink(&entry) != nullptr) return false;
    const std::string path = layer_archive::clean_path(raw);
    if (path.empty()) return true;
    if (path.size() >= PATH_MAX || out_.entries_.size() >= kMostEntries || !has_directory(path)) return false;
    const auto [place, is_new] = out_.entries_.try_emplace(path);
    if (!is_new) return false;
    Entry& known = place->second;
    struct stat status {};
    status.st_mode = ::archive_entry_filetype(&entry) | (::archive_entry_perm(&entry) & 07777);
    status.st_uid = static_cast<uid_t>(::archive_entry_uid(&entry));
    status.st_gid = static_cast<gid_t>(::archive_entry_gid(&entry));
    status.st_size = static_cast<off_t>(::archive_entry_size(&entry));
    known.mode = status.st_mode;
    switch (status.st_mode & S_IFMT) {
      case S_IFLNK: {
        const char* target = ::archive_entry_symlink(&entry);
        if (target == nullptr || *target == '\0' || std::string_view{target}.size() >= PATH_MAX) return false;
        known.link = target;
        return true;
      }
      case S_IFDIR:
        known.sum = FileSum{path, status}.hex();
        return true;
      case S_IFREG:
        return sum_content(reader, path, status, known);
      default:
        return false;
    }
  }

 private:
  [[nodiscard]] bool has_directory(const std::string& path) const {
    const std::string parent = parent_of(path);
    if (parent.empty()) return true;
    const Entry* known = out_.find(parent);
    return known != nullptr && S_ISDIR(known->mode);
  }

  bool sum_content(archive& reader, const std::string& path, const struct stat& status, Entry& known) {
    const bool kept = wanted_.contains(path);
    if (kept && static_cast<std::size_t>(status.st_size) > limit_) return false;
    FileSum sum{path, status};
    for (std::uint64_t left = static_cast<std::uint64_t>(status.st_size);;) {
      call_.check();
      const la_ssize_t got = ::archive_read_data(&reader, buffer_.data(), buffer_.size());
      if (got < 0) return false;  // Whoever unpacks it says why.
      if (got == 0) {
        known.sum = sum.hex();
        return left == 0;
      }
      const auto bytes = std::span{buffer_}.first(static_cast<std::size_t>(got));
      if (bytes.size() > left) return false;
      left -= bytes.size();
      sum.update(bytes);
      if (kept) known.content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }

  SentArchive& out_;
  const std::set<std::string>& wanted_;
  std::size_t limit_;
  const Call& call_;
  std::vector<std::byte> buffer_{std::size_t{128} << 10};
};

std::unique_ptr<SentArchive> SentArchive::look_through(int file, const std::set<std::string>& wanted, std::size_t limit,
                                                       const Call& call) {
  auto out = std::make_unique<SentArchive>();
  Looking looking{*out, wanted, limit, call};
  const bool simple =
      visit_archive(file, call, [&](archive& reader, archive_entry& entry) { return looking.take(reader, entry); });
  if (!simple) return nullptr;
  return out;
}

std::vector<std::string> SentArchive::paths() const {
  std::vector<std::string> out;
  out.reserve(entries_.size());
  for (const auto& [path, entry] : entries_) out.push_back(path);
  return out;
}

std::vector<std::pair<std::string_view, const SentArchive::Entry*>> SentArchive::below(
    const std::string& directory) const {
  const std::string start = directory.empty() ? directory : directory + "/";
  std::vector<std::pair<std::string_view, const Entry*>> out;
  for (auto at = entries_.lower_bound(start); at != entries_.end() && at->first.starts_with(start); ++at) {
    out.emplace_back(at->first, &at->second);
  }
  return out;
}

const SentArchive::Entry* SentArchive::find(const std::string& path) const {
  const auto found = entries_.find(path);
  return found == entries_.end() ? nullptr : &found->second;
}

bool SentArchive::resolve(const std::string& path, std::string& out) const {
  out.clear();
  std::deque<std::string> rest;
  put_before(path, rest);
  for (int links = 0; !rest.empty();) {
    const std::string part = std::move(rest.front());
    rest.pop_front();
    if (part == ".") continue;
    if (part == "..") {
      out = parent_of(out);
      continue;
    }
    const std::string next = out.empty() ? part : out + "/" + part;
    const Entry* entry = find(next);
    if (entry == nullptr) return false;
    if (S_ISLNK(entry->mode)) {
      if (++links > kMostLinks) return false;
      if (entry->link.starts_with('/')) out.clear();
      put_before(entry->link, rest);
      continue;
    }
    if (!S_ISDIR(entry->mode) && !rest.empty()) return false;
    out = next;
  }
  const Entry* entry = find(out);
  return !path.ends_with('/') || entry == nullptr || S_ISDIR(entry->mode);
}

std::string ArchiveHash::single(const std::string& path) const {
  std::string real;
  // Of a link, what it leads to is meant, under its own name; of one that leads nowhere, the name alone.
  if (!archive_.resolve(path, real) || real.empty()) return path;
  return archive_.find(real)->sum;
}

std::string ArchiveHash::of(const std::string& path, const IgnorePatterns& exclude) {
  std::string real;
  if (!archive_.resolve(path, real)) throw_not_in_context(path);
  if (!real.empty() && !S_ISDIR(archive_.find(real)->mode)) return "file:" + single(real);
  std::vector<std::string> hashes;
  if (!real.empty()) hashes.push_back(single(real));
  const std::size_t skipped = real.empty() ? 0 : real.size() + 1;
  for (const auto& [inner, entry] : archive_.below(real)) {
    if (!exclude.empty() && exclude.matches(inner.substr(skipped))) continue;
    hashes.push_back(S_ISLNK(entry->mode) ? single(std::string{inner}) : entry->sum);
  }
  return hash_of_directory(std::move(hashes));
}

}  // namespace gantry::dockerfile
