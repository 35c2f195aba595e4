#include "state/store.hpp"

#include <mutex>
#include <optional>
#include <system_error>

#include "base/file.hpp"
#include "base/lock_file.hpp"
#include "state/schema.hpp"
#include "state/sqlite.hpp"

namespace gantry::state {
namespace {

namespace fs = std::filesystem;

/// Opens what is there; makes a new one only if there never was one.
Connection open(const fs::path& file) {
  if (!fs::exists(file)) {
    if (fs::exists(file.string() + "-wal")) {
      throw Error{Errc::invalid,
                  "the state database " + file.string() + " is gone, but its log " + file.string() +
                      "-wal is there: restore it from a backup, or move the log away to start with nothing"};
    }
    create_database(file);
  }
  Connection connection{file};
  // A file cut down to nothing would pass for a new database.
  if (fs::file_size(file) == 0) throw_sqlite(nullptr, file, SQLITE_NOTADB);
  connection.execute("PRAGMA journal_mode = WAL");
  connection.execute("PRAGMA synchronous = NORMAL");
  connection.execute("PRAGMA wal_autocheckpoint = 0");
  if (connection.text("PRAGMA quick_check(1)") != "ok") throw_sqlite(nullptr, file, SQLITE_CORRUPT);
  migrate(connection, schema_steps());
  return connection;
}

}  // namespace

struct Store::Impl {
  explicit Impl(const fs::path& file)
      : lock(lock_file(file.string() + ".lock", "the state database " + file.string(), "--data-root")),
        connection(open(file)),
        begin(connection, "BEGIN IMMEDIATE"),
        commit(connection, "COMMIT"),
        rollback(connection, "ROLLBACK"),
        put(connection,
            "INSERT INTO records (kind, id, body) VALUES (?1, ?2, ?3) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"),
        erase(connection, "DELETE FROM records WHERE kind = ?1 AND id = ?2"),
        select(connection, "SELECT id, body FROM records WHERE kind = ?1") {}

  UniqueFd lock;
  Connection connection;
  Statement begin;
  Statement commit;
  Statement rollback;
  Statement put;
  Statement erase;
  Statement select;
  bool in_transaction = false;

  std::mutex checkpoint_mutex;
  std::optional<Connection> checkpoint_connection;
};

Store::Store(const fs::path& file) : impl_(std::make_unique<Impl>(file)) {}

Store::~Store() = default;

void Store::update(const std::function<void(Transaction&)>& change) {
  if (impl_->in_transaction) throw Error{Errc::internal, "a transaction on the state within a transaction"};
  Transaction transaction{*this};
  impl_->begin.run();
  impl_->in_transaction = true;
  try {
    change(transaction);
    impl_->commit.run();
  } catch (...) {
    impl_->in_transaction = false;
    // SQLite may have rolled back by itself (a full disk).
    if (::sqlite3_get_autocommit(impl_->connection.get()) == 0) impl_->rollback.run();
    throw;
  }
  impl_->in_transaction = false;
  for (const auto& publish : transaction.on_commit_) publish();
}

void Store::checkpoint() {
  const std::scoped_lock guard{impl_->checkpoint_mutex};
  if (!impl_->checkpoint_connection) {
    // A connection that has read nothing does not know of the log yet, and would find nothing to do.
    static_cast<void>(impl_->checkpoint_connection.emplace(impl_->connection.file()).integer("PRAGMA user_version"));
  }
  Connection& connection = *impl_->checkpoint_connection;
  // Passive: it takes what is there and never makes a writer wait. A busy database is for the next time.
  const int done = ::sqlite3_wal_checkpoint_v2(connection.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (done != SQLITE_OK && done != SQLITE_BUSY) throw_sqlite(connection.get(), connection.file(), done);
}

void Store::attach(TableBase& table, const std::string& name) {
  Statement& select = impl_->select;
  select.bind(1, name);
  try {
    while (select.step()) {
      std::string id = select.column(0);
      const std::string label = id;
      try {
        table.load(std::move(id), select.column(1));
      } catch (const std::exception& error) {
        throw Error{Errc::invalid, "the state database " + impl_->connection.file().string() +
                                       " has a record that cannot be read (" + name + " " + label +
                                       "): " + error.what()};
      }
    }
  } catch (...) {
    select.reset();
    throw;
  }
  select.reset();
}

void Transaction::write(const std::string& table, const std::string& id, const std::string& body) {
  Statement& put = store_.impl_->put;
  put.bind(1, table);
  put.bind(2, id);
  put.bind(3, body);
  put.run();
}

void Transaction::remove(const std::string& table, const std::string& id) {
  Statement& erase = store_.impl_->erase;
  erase.bind(1, table);
  erase.bind(2, id);
  erase.run();
}

}  // namespace gantry::state
