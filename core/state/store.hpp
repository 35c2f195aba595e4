#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The one source of truth: an SQLite database in WAL mode under the data root. A write is a transaction over any
/// number of tables; reads come from memory. Io thread only.
namespace gantry::state {

class Store;
class Transaction;

/// What a Table does for the Store, whatever its records are.
class TableBase {
 public:
  virtual ~TableBase() = default;

 protected:
  friend class Store;
  friend class Transaction;
  virtual void load(std::string id, const std::string& body) = 0;
};

/// Owns the database.
class Store {
 public:
  /// Opens or creates `file`, migrates it, and locks it against a second daemon.
  /// Errors: conflict (another daemon holds it), invalid (not ours, damaged, or from a newer version), io.
  explicit Store(const std::filesystem::path& file);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Runs `change` and commits: all of it is on disk and in memory, or, if it throws, none.
  void update(const std::function<void(Transaction&)>& change);

  /// Moves what was committed from the log into the database: called from a worker now and then, so that no commit
  /// waits for it.
  void checkpoint();

 private:
  template <class T>
  friend class Table;
  friend class Transaction;
  void attach(TableBase& table, const std::string& name);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// An open transaction: what `Table::put` and `erase` take.
class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

 private:
  friend class Store;
  template <class T>
  friend class Table;
  explicit Transaction(Store& store) : store_(store) {}
  void write(const std::string& table, const std::string& id, const std::string& body);
  void remove(const std::string& table, const std::string& id);

  Store& store_;
  std::vector<std::function<void()>> on_commit_;  // moves the new records into memory; must not throw
};

/// The records of one kind, by id, as snapshots: a reader keeps the one that it got, whatever is written later.
///
/// `T` provides two free functions in its namespace: `std::string to_record(const T&)` and
/// `void from_record(const std::string&, T&)` (JSON text; from_record tolerates unknown and missing members, so that
/// versions can follow each other).
template <class T>
class Table : public TableBase {
 public:
  using Snapshot = std::shared_ptr<const T>;

  /// Loads all records of `name` ([a-z_]+). The store must outlive the table.
  Table(Store& store, std::string name) : name_(std::move(name)) { store.attach(*this, name_); }

  /// Null if there is none.
  [[nodiscard]] Snapshot find(const std::string& id) const {
    const auto found = records_.find(id);
    return found == records_.end() ? nullptr : found->second;
  }

  [[nodiscard]] const std::map<std::string, Snapshot>& all() const { return records_; }

  Snapshot put(Transaction& transaction, const std::string& id, T record) {
    transaction.write(name_, id, to_record(record));
    auto snapshot = std::make_shared<const T>(std::move(record));
    transaction.on_commit_.push_back([this, id, snapshot] { records_[id] = snapshot; });
    return snapshot;
  }

  void erase(Transaction& transaction, const std::string& id) {
    transaction.remove(name_, id);
    transaction.on_commit_.push_back([this, id] { records_.erase(id); });
  }

 private:
  void load(std::string id, const std::string& body) override {
    T record{};
    from_record(body, record);
    records_[std::move(id)] = std::make_shared<const T>(std::move(record));
  }

  std::string name_;
  std::map<std::string, Snapshot> records_;
};

}  // namespace gantry::state
