#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::state {

/// Throws what SQLite last failed with on `database`: exhausted for a full disk, invalid for a damaged file, else io.
[[noreturn]] void throw_sqlite(sqlite3* database, const std::filesystem::path& file, int code);

struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept { ::sqlite3_close(database); }
};

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { ::sqlite3_finalize(statement); }
};

/// A connection that one thread at a time uses.
class Connection {
 public:
  /// Opens a database that exists.
  explicit Connection(std::filesystem::path file);

  void execute(const char* sql);
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] std::string text(const char* sql);

  [[nodiscard]] sqlite3* get() const noexcept { return database_.get(); }
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

 private:
  std::filesystem::path file_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

/// A prepared statement, used again and again.
class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);

  /// The text must live until the next `reset`.
  void bind(int index, std::string_view text);

  /// Whether there is a row.
  bool step();
  [[nodiscard]] std::string column(int index) const;
  [[nodiscard]] std::int64_t integer(int index) const;
  void reset() noexcept;

  /// Steps to the end and resets.
  void run();

 private:
  Connection& connection_;
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
};

}  // namespace gantry::state
