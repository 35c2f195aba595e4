#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gantry/builder.hpp"
#include "gantry/call.hpp"

namespace gantry::dockerfile {

/// The directories of RUN --mount=type=cache: they outlive builds. Any thread.
class CacheMounts {
 public:
  /// Keeps them below `root`, which exists.
  explicit CacheMounts(std::string root) : root_(std::move(root)) {}

  /// One that is in use.
  class Use {
   public:
    Use(CacheMounts* owner, std::string key, std::string path, bool alone)
        : owner_(owner), key_(std::move(key)), path_(std::move(path)), alone_(alone) {}
    Use(Use&& other) noexcept;
    Use& operator=(Use&&) = delete;
    ~Use();
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Whether nobody has put anything into it yet.
    [[nodiscard]] bool is_new() const;

   private:
    CacheMounts* owner_;
    std::string key_;
    std::string path_;
    bool alone_;
  };

  /// `sharing`: "shared" (or empty), "locked" (waits for the others), "private" (a second one beside it).
  Use take(const std::string& id, const std::string& sharing, const Call& call);

  /// Held by who puts the first files into one, so that two do not do so at once.
  [[nodiscard]] std::mutex& beginnings() noexcept { return beginnings_; }

  [[nodiscard]] std::uint64_t size(const Call& call) const;
  /// Removes those that nobody uses. Answers how many bytes were freed.
  std::uint64_t prune(const Call& call);

  [[nodiscard]] std::vector<builder::v1::CacheRecord> records(const Call& call);
  /// Answers how many bytes were freed. Errors: conflict (a build uses it).
  std::uint64_t remove(const std::string& key, const Call& call);

 private:
  struct State {
    int users{};
    bool locked{};
    std::optional<std::uint64_t> size;  ///< As long as nobody has used it since it was measured.
  };
  [[nodiscard]] std::vector<std::string> keys() const;
  std::uint64_t measured(const std::string& key, const Call& call);
  void release(const std::string& key, bool alone) noexcept;

  const std::string root_;
  std::mutex mutex_;
  std::mutex beginnings_;
  std::condition_variable freed_;
  std::map<std::string, State> in_use_;
};

}  // namespace gantry::dockerfile
