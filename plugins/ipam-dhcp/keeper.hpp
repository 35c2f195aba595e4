#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gantry/driver.hpp"
#include "record.hpp"

namespace gantry::dhcp {

/// Renews leases in time, on a thread of its own, from when it is made on. Any thread.
class Keeper {
 public:
  Keeper(Host& host, const Records& records);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void add(LeaseRecord record);
  [[nodiscard]] std::optional<LeaseRecord> find(const std::string& id) const;
  /// Forgets a lease and answers it.
  std::optional<LeaseRecord> take(const std::string& id);
  [[nodiscard]] std::vector<LeaseRecord> all() const;

 private:
  struct Kept {
    LeaseRecord record;
    std::int64_t due{};  ///< As `now`.
  };

  void serve();
  void renew_one(const LeaseRecord& record);
  void put_off(const LeaseRecord& record, const std::string& why);

  Host& host_;
  const Records& records_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Kept> kept_;  ///< By endpoint.
  bool stopping_ = false;
  std::thread thread_;
};

/// Seconds since the host was started, its sleep included.
std::int64_t now();

}  // namespace gantry::dhcp
