#pragma once

#include <functional>
#include <string>
#include <thread>

#include "gantry/unique_fd.hpp"

namespace gantry::bridge {

/// How many rules a table of the family inet has; 0 if there is no such table. Errors: io.
int count_rules(const std::string& table);

/// Listens to what is taken out of an nftables table, by whomever: `nft flush ruleset` of a firewall's start takes
/// everybody's tables away. In the network namespace of the thread that makes it.
class TableWatch {
 public:
  /// `changed` is called on a thread of the watch's own, after the change; it must not throw. It is called for our own
  /// changes as well. Errors: io.
  TableWatch(std::string table, std::function<void()> changed);
  ~TableWatch();  ///< Waits for a call under way.
  TableWatch(const TableWatch&) = delete;
  TableWatch& operator=(const TableWatch&) = delete;

 private:
  void serve();
  [[nodiscard]] bool take_messages();

  std::string table_;
  std::function<void()> changed_;
  UniqueFd socket_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace gantry::bridge
