#pragma once

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "volumes/name_locks.hpp"
#include "volumes/service.hpp"

namespace gantry::volumes {

/// Throws the failure again with the operation before its message, as dockerd has it: "create x: ...".
[[noreturn]] void rethrow_as(const std::string& operation, const std::exception_ptr& failure);

/// Errors: invalid, in dockerd's words.
void check_name(const std::string& name);

struct Service::Impl {
  Impl(state::Store& store_, events::Bus& bus_, plugins::Drivers& drivers_)
      : store(store_), bus(bus_), drivers(drivers_), table(store_, "volumes") {}

  using Snapshot = std::shared_ptr<const Volume>;

  /// The record if the volume is there for users.
  [[nodiscard]] Snapshot find(const std::string& name) const;
  Snapshot put(Volume volume);
  void erase(const std::string& name);
  void publish(const std::string& action, const Volume& volume, std::map<std::string, std::string> attributes = {});

  /// The caller holds the name's lock for all of these.
  /// `fill`, if any, writes the data before the volume is there for users.
  awaitable<Snapshot> make(Volume volume, Use fill = {});
  awaitable<void> unmake(Snapshot volume, bool force);
  /// Errors: not_found ("create <name>: error looking up volume plugin ...").
  awaitable<void> check_driver(std::string name, std::string driver);
  awaitable<std::string> create_in_driver(Volume volume);
  awaitable<void> remove_in_driver(Volume volume);
  awaitable<std::int64_t> size_of(Snapshot volume);

  /// The mount of a volume's data for the daemon's own use, and its end.
  awaitable<Mount> mount(Volume volume, std::string user);
  awaitable<Mount> borrow(Volume volume);
  awaitable<void> give_back(Volume volume);
  awaitable<void> undo_fill(Volume volume);
  /// Errors: conflict ("<operation> <name>: volume is in use - [ids]").
  void check_unused(const std::string& operation, const std::string& name) const;
  /// Errors: conflict.
  void check_free(const std::string& operation, const std::string& name) const;
  /// Errors: conflict, and those of the driver.
  awaitable<void> check_free_in_driver(Volume volume);
  awaitable<std::string> rename_in_driver(Volume volume);
  Snapshot finish_rename(Volume volume, std::string mountpoint);

  awaitable<void> recover_driver(std::string driver);
  awaitable<void> recover(Volume volume, bool held);
  awaitable<void> recover_rename(Volume volume, bool done);
  awaitable<std::string> mountpoint_in_driver(std::string name, std::string driver);
  awaitable<void> adopt(std::string name, std::string driver);

  state::Store& store;
  events::Bus& bus;
  plugins::Drivers& drivers;
  state::Table<Volume> table;
  NameLocks locks;
  std::function<std::vector<std::string>(const std::string& volume)> users;
  std::function<std::vector<std::string>(const std::string& volume)> writers;
  std::map<std::string, int> readers;  ///< How many `read` a volume.
};

}  // namespace gantry::volumes
