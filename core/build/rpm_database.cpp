#include "build/rpm_database.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <exception>
#include <memory>

namespace gantry::build {
namespace {

// rpmtag.h
constexpr std::uint32_t kName = 1000;
constexpr std::uint32_t kVersion = 1001;
constexpr std::uint32_t kRelease = 1002;
constexpr std::uint32_t kEpoch = 1003;
constexpr std::uint32_t kLicense = 1014;
constexpr std::uint32_t kArchitecture = 1022;
constexpr std::uint32_t kSourcePackage = 1044;
constexpr std::uint32_t kTypeInt32 = 4;
constexpr std::uint32_t kTypeString = 6;
constexpr std::uint32_t kTypeTranslated = 9;

constexpr std::size_t kEntrySize = 16;
constexpr std::size_t kLongestText = 1024;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t byte = 0; byte < 4; ++byte) out = out << 8 | static_cast<unsigned char>(bytes[at + byte]);
  return out;
}

/// The first text at a place of a header's data; empty if none ends there.
std::string text_at(std::string_view data, std::size_t at) {
  const std::string_view rest = data.substr(std::min(at, data.size()), kLongestText + 1);
  const std::size_t end = rest.find('\0');
  return end == std::string_view::npos ? std::string{} : std::string{rest.substr(0, end)};
}

struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept { ::sqlite3_close(database); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { ::sqlite3_finalize(statement); }
};

/// Views, functions and all else that a schema can bring along is refused.
int only_reading(void*, int action, const char*, const char*, const char*, const char*) {
  return action == SQLITE_SELECT || action == SQLITE_READ ? SQLITE_OK : SQLITE_DENY;
}

/// What keeps a query from going on for ever: the caller's check, whose exception SQLite cannot carry.
struct Watch {
  const std::function<void()>& check;
  std::exception_ptr failure;
  int looks{};

  static int look(void* self) {
    auto& watch = *static_cast<Watch*>(self);
    try {
      watch.check();
      // As much as a hundred thousand packages need.
      constexpr int kMostLooks = 10'000;
      return ++watch.looks < kMostLooks ? 0 : 1;
    } catch (...) {
      watch.failure = std::current_exception();
      return 1;
    }
  }
};

/// A database in memory over `content`, which must live as long as it does; nullptr if it cannot be one.
std::unique_ptr<sqlite3, CloseDatabase> open_image(std::string& content) {
  sqlite3* opened = nullptr;
  const int result = ::sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr);
  std::unique_ptr<sqlite3, CloseDatabase> database{opened};
  if (result != SQLITE_OK) return nullptr;
  ::sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ::sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  ::sqlite3_limit(opened, SQLITE_LIMIT_LENGTH, 32 << 20);
  // A database in memory has no write-ahead log: the file says in two bytes whether it has one.
  constexpr std::size_t kWriteFormat = 18;
  constexpr char kNoLog = 1;
  if (content.size() < 512) return nullptr;
  content[kWriteFormat] = content[kWriteFormat + 1] = kNoLog;
  const auto size = static_cast<sqlite3_int64>(content.size());
  auto* bytes = reinterpret_cast<unsigned char*>(content.data());
  if (::sqlite3_deserialize(opened, "main", bytes, size, size, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    return nullptr;
  ::sqlite3_set_authorizer(opened, only_reading, nullptr);
  return database;
}

}  // namespace

std::optional<Package> parse_rpm_header(std::string_view header) {
  if (header.size() < 8) return {};
  const std::uint64_t entries = number_at(header, 0);
  const std::uint64_t data_size = number_at(header, 4);
  if (8 + entries * kEntrySize + data_size > header.size()) return {};
  const std::string_view data = header.substr(8 + entries * kEntrySize, data_size);
  Package out;
  out.kind = "rpm";
  std::string release;
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const std::size_t at = 8 + entry * kEntrySize;
    const std::uint32_t tag = number_at(header, at);
    const std::uint32_t type = number_at(header, at + 4);
    const std::uint32_t offset = number_at(header, at + 8);
    if (tag == kEpoch && type == kTypeInt32 && std::uint64_t{offset} + 4 <= data.size()) {
      out.epoch = std::to_string(number_at(data, offset));
    }
    if (type != kTypeString && type != kTypeTranslated) continue;
    if (tag == kName) out.name = text_at(data, offset);
    if (tag == kVersion) out.version = text_at(data, offset);
    if (tag == kRelease) release = text_at(data, offset);
    if (tag == kLicense) out.license = text_at(data, offset);
    if (tag == kArchitecture) out.architecture = text_at(data, offset);
    if (tag == kSourcePackage) out.source = text_at(data, offset);
  }
  if (out.name.empty() || out.version.empty()) return {};
  if (!release.empty()) out.version += "-" + release;
  return out;
}

bool add_rpm_packages(std::string content, const std::string& path, const std::function<void()>& check,
                      std::vector<Package>& out) {
  const auto database = open_image(content);
  if (database == nullptr) return false;
  Watch watch{check, nullptr};
  constexpr int kInstructions = 10'000;
  ::sqlite3_progress_handler(database.get(), kInstructions, Watch::look, &watch);
  sqlite3_stmt* prepared = nullptr;
  const int ready = ::sqlite3_prepare_v2(database.get(), "SELECT blob FROM Packages", -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, FinishStatement> statement{prepared};
  int result = ready;
  while (ready == SQLITE_OK && (result = ::sqlite3_step(prepared)) == SQLITE_ROW) {
    check();
    const auto* bytes = static_cast<const char*>(::sqlite3_column_blob(prepared, 0));
    const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(prepared, 0));
    auto package = parse_rpm_header({bytes, bytes == nullptr ? 0 : size});
    // The keys that packages are signed with are kept among them.
    if (!package || package->name == "gpg-pubkey") continue;
    package->found_in = path;
    add_package(std::move(*package), out);
  }
  if (watch.failure) std::rethrow_exception(watch.failure);
  return result == SQLITE_DONE;
}

}  // namespace gantry::build
