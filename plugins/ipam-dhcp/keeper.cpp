#include "keeper.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::dhcp {
namespace {

constexpr std::int64_t kLongestPause = 60;

/// Ends with the keeper.
class KeepersCall final : public Call {
 public:
  explicit KeepersCall(std::function<bool()> stopping) : stopping_(std::move(stopping)) {}
  bool cancelled() const noexcept override { return stopping_(); }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}

 private:
  std::function<bool()> stopping_;
};

}  // namespace

std::int64_t now() {
  // Goes on while the host sleeps, and nobody sets it.
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec;
}

Keeper::Keeper(Host& host, const Records& records) : host_(host), records_(records) {
  for (LeaseRecord& record : records_.leases()) {
    // Of a time before the host was started anew nothing is known.
    if (record.since > now()) record.since = now() - record.lease.renew;
    const std::int64_t due = record.since + record.lease.renew;
    const std::string id = record.id;
    kept_[id] = {std::move(record), due};
  }
  thread_ = std::thread([this] { serve(); });
}

Keeper::~Keeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Keeper::add(LeaseRecord record) {
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t due = record.since + record.lease.renew;
    const std::string id = record.id;
    kept_[id] = {std::move(record), due};
  }
  wake_.notify_all();
}

std::optional<LeaseRecord> Keeper::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  return found == kept_.end() ? std::nullopt : std::optional(found->second.record);
}

std::optional<LeaseRecord> Keeper::take(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  if (found == kept_.end()) return std::nullopt;
  LeaseRecord record = std::move(found->second.record);
  kept_.erase(found);
  return record;
}

std::vector<LeaseRecord> Keeper::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<LeaseRecord> out;
  for (const auto& [id, kept] : kept_) out.push_back(kept.record);
  return out;
}

void Keeper::serve() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next = std::min_element(kept_.begin(), kept_.end(),
                                       [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    if (next == kept_.end()) {
      wake_.wait(lock);
      continue;
    }
    if (next->second.due > now()) {
      // The wait itself does not count the host's sleep.
      wake_.wait_for(lock, std::chrono::seconds(std::min(next->second.due - now(), kLongestPause)));
      continue;
    }
    const LeaseRecord record = next->second.record;
    lock.unlock();
    renew_one(record);
    lock.lock();
  }
}

void Keeper::renew_one(const LeaseRecord& record) {
  const KeepersCall call([this] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  });
  try {
    LeaseRecord renewed = record;
    renewed.since = now();
    const auto lease = renew(record.client, record.lease, call);
    if (!lease) return put_off(record, "no server answers");
    renewed.lease = *lease;
    // A relay may have changed who answers; what the network was made with stays.
    renewed.lease.prefix = record.lease.prefix;
    renewed.lease.router = record.lease.router;
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(record.id);
    if (found == kept_.end()) return release(record.client, *lease);  // it was given back meanwhile
    records_.put(renewed);
    found->second = {renewed, renewed.since + renewed.lease.renew};
  } catch (const Error& error) {
    if (error.code() != Errc::cancelled) put_off(record, error.what());
  }
}

/// The container keeps its address: there is nothing better to do. It is asked for again, the sooner the less is left.
void Keeper::put_off(const LeaseRecord& record, const std::string& why) {
  const std::int64_t left = record.since + record.lease.seconds - now();
  const bool expired = left <= 0;
  host_.log(
      expired ? LogLevel::error : LogLevel::warning,
      "the lease of " + text_of(record.lease.address) + (expired ? " has expired: " : " is not renewed yet: ") + why);
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(record.id);
  if (found != kept_.end()) found->second.due = now() + std::clamp<std::int64_t>(left / 2, 1, kLongestPause);
}

}  // namespace gantry::dhcp
