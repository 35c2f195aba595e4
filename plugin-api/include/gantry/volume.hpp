#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/driver.hpp"
#include "gantry/mount.hpp"

/// Volume drivers keep data that outlives containers.
///
/// Life: create -> (mount -> unmount)* -> remove. A volume may be mounted by several users at once.
///
/// Capabilities that the daemon looks for:
///   "scope-global"  a volume created on one host is seen on all (API: Scope); others: docs/drivers.md.
namespace gantry::volume::v1 {

/// What is known about a volume. May grow at its end.
struct Volume {
  std::string name;
  std::string mountpoint;  ///< Host path of the data, if it has one while not mounted; else empty.
  /// Free facts for the API's `Status`; may be empty.
  std::vector<std::pair<std::string, std::string>> status;
};

/// May grow at its end.
struct Usage {
  std::uint64_t size{};  ///< Bytes.
};

/// Calls block; calls for different volumes may come at once, never two for the same.
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "volume";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 0;

  /// Makes a volume. `name` matches [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 255 characters. `options` were checked against
  /// the names in `options()`. Repeating it for a volume that exists with the same options succeeds.
  /// Errors: invalid (an option's value, or options that exclude each other), conflict (exists with others), io.
  virtual void create(const std::string& name, const Options& options, Volume& out, const Call& call) = 0;

  /// Removes a volume and its data. Succeeds if there is none. The daemon calls it only when nobody uses it.
  virtual void remove(const std::string& name, const Call& call) = 0;

  /// Errors: not_found.
  virtual void inspect(const std::string& name, Volume& out, const Call& call) = 0;

  /// Says how to mount the volume for `user` (a container's id); the target of the mount is left empty. May prepare
  /// the data (mount a network filesystem on the host side). Repeating it for the same user answers the same.
  /// Errors: not_found, unavailable (a server that does not answer), io.
  virtual void mount(const std::string& name, const std::string& user, Mount& out, const Call& call) = 0;

  /// Takes back what `mount` prepared for `user`. Succeeds if there is nothing.
  virtual void unmount(const std::string& name, const std::string& user, const Call& call) = 0;

  /// What the data takes up. May be slow. Errors: not_found, unsupported.
  virtual void usage(const std::string& name, Usage& out, const Call& call) = 0;

  /// The names of all volumes that the driver holds. At its start the daemon creates anew, empty, what is missing here.
  virtual void list(std::vector<std::string>& out, const Call& call) = 0;
};

}  // namespace gantry::volume::v1
