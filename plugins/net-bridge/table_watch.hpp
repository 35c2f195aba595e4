#pragma once

#include <functional>
#include <string>
#include <thread>

#include "gantry/unique_fd.hpp"

namespace gantry::bridge {

enum class TableFamily { inet, bridge };

/// How many rules a table has; 0 if there is no such table. Errors: io.
int count_rules(const std::string& table, TableFamily family);

/// Listens to changes of the host's nftables, by whomever: `nft flush ruleset` of a firewall's start takes everybody's
/// tables away. In the network namespace of the thread that makes it.
class TableWatch {
 public:
  struct Change {
    bool ours{};    ///< Something was taken out of our table, maybe by ourselves.
    bool others{};  ///< Other tables are not what they were.
    bool chains{};  ///< Chains of others' hooks are new, have another policy, or were never looked at.
  };

  /// `changed` is called on a thread of the watch's own, once at its start for what is there already, and after each
  /// change; it must not throw. Errors: io.
  TableWatch(std::string table, std::function<void(Change)> changed);
  ~TableWatch();  ///< Waits for a call under way.
  TableWatch(const TableWatch&) = delete;
  TableWatch& operator=(const TableWatch&) = delete;

 private:
  void serve();
  [[nodiscard]] Change take_messages();

  std::string table_;
  std::function<void(Change)> changed_;
  UniqueFd socket_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace gantry::bridge
