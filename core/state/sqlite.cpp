#include "state/sqlite.hpp"

#include <utility>

#include "gantry/error.hpp"

namespace gantry::state {

void throw_sqlite(sqlite3* database, const std::filesystem::path& file, int code) {
  const std::string reason = database != nullptr ? ::sqlite3_errmsg(database) : ::sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      throw Error{Errc::invalid, "the state database " + file.string() + " is damaged (" + reason +
                                     "): restore it from a backup, or move it away to start with nothing"};
    case SQLITE_FULL:
      throw Error{Errc::exhausted, "cannot write the state database " + file.string() + ": " + reason};
    default:
      throw Error{Errc::io, "the state database " + file.string() + " failed: " + reason};
  }
}

Connection::Connection(std::filesystem::path file) : file_(std::move(file)) {
  sqlite3* database = nullptr;
  const int opened = ::sqlite3_open_v2(file_.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(database);
  if (opened != SQLITE_OK) throw_sqlite(database, file_, opened);
  ::sqlite3_extended_result_codes(database, 1);
  ::sqlite3_busy_timeout(database, 10'000);
}

void Connection::execute(const char* sql) {
  const int done = ::sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
  if (done != SQLITE_OK) throw_sqlite(get(), file_, done);
}

std::int64_t Connection::integer(const char* sql) {
  Statement statement{*this, sql};
  return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::text(const char* sql) {
  Statement statement{*this, sql};
  return statement.step() ? statement.column(0) : std::string{};
}

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  sqlite3_stmt* statement = nullptr;
  const int prepared = ::sqlite3_prepare_v3(connection.get(), sql.data(), static_cast<int>(sql.size()),
                                            SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  if (prepared != SQLITE_OK) throw_sqlite(connection.get(), connection.file(), prepared);
}

void Statement::bind(int index, std::string_view text) {
  const int bound =
      ::sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (bound != SQLITE_OK) throw_sqlite(connection_.get(), connection_.file(), bound);
}

bool Statement::step() {
  const int stepped = ::sqlite3_step(statement_.get());
  if (stepped == SQLITE_ROW) return true;
  if (stepped == SQLITE_DONE) return false;
  throw_sqlite(connection_.get(), connection_.file(), stepped);
}

std::string Statement::column(int index) const {
  const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(statement_.get(), index));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(::sqlite3_column_bytes(statement_.get(), index))};
}

std::int64_t Statement::integer(int index) const { return ::sqlite3_column_int64(statement_.get(), index); }

void Statement::reset() noexcept { ::sqlite3_reset(statement_.get()); }

void Statement::run() {
  try {
    while (step()) {
    }
  } catch (...) {
    reset();
    throw;
  }
  reset();
}

}  // namespace gantry::state
