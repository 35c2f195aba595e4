#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/call.hpp"
#include "gantry/error.hpp"

namespace gantry {

/// Option names to values, as the user wrote them.
using Options = std::map<std::string, std::string>;

enum class OptionType : int {
  text = 0,
  boolean,   ///< "true" or "false".
  integer,   ///< Decimal, may be negative.
  size,      ///< Bytes, with an optional suffix k, m, g or t (powers of 1024).
  duration,  ///< As Go writes it: "1h2m3.5s".
  path,      ///< Absolute.
  list,      ///< Comma-separated text.
};

/// Where an option may be given.
enum class OptionScope : int {
  driver = 0,  ///< In daemon.json, once for the driver.
  object,      ///< For each object: `volume create -o`. Values and defaults are the driver's affair.
};

/// One option that a driver takes. Frozen.
struct OptionInfo {
  std::string name;
  OptionType type{OptionType::text};
  OptionScope scope{OptionScope::driver};
  std::string default_value;  ///< What holds if the option is not given; may be empty.
  std::string help;           ///< One line.
};

/// What a driver can do beyond the least that its kind asks for, by name; each kind's header lists the names
/// that the daemon looks for. `gantry plugin inspect` prints all of them.
using Capabilities = std::vector<std::string>;

/// What the daemon gives a driver when it opens it. Owned by the daemon; outlives the driver.
class Host {
 public:
  virtual ~Host() = default;

  /// A directory of this driver's alone under the data root: it persists. Exists, root's, mode 0700.
  [[nodiscard]] virtual std::string data_dir() const = 0;

  /// A directory of this driver's alone under the exec root (a tmpfs): gone after a reboot of the host, kept
  /// when the daemon ends. Exists, root's, mode 0700.
  [[nodiscard]] virtual std::string exec_dir() const = 0;

  /// Where the daemon's own helper programs (gantry-shim) are.
  [[nodiscard]] virtual std::string libexec_dir() const = 0;

  /// The options of scope `driver` from the daemon's config: checked against `Driver::options()`, defaults
  /// filled in.
  [[nodiscard]] virtual const Options& options() const = 0;

  /// Logs a line under the driver's name, outside of any call.
  virtual void log(LogLevel level, std::string_view message) const noexcept = 0;

  /// A newer service of the daemon's, or nullptr. Lives as long as the host.
  [[nodiscard]] virtual void* query(std::string_view service) noexcept = 0;
};

/// What the drivers of all kinds have in common.
///
/// Life: the factory makes the object and does nothing else; the daemon reads `capabilities` and `options`,
/// checks the config against them, calls `open` once, then any other call, from any thread, several at once;
/// at the end it destroys the object when no call is under way. A driver must not rely on being destroyed:
/// the daemon may be killed at any instant, and whatever is half-done then is undone or finished after the
/// next `open`, by the daemon's repeating or undoing calls. So every call is idempotent.
class Driver {
 public:
  virtual ~Driver() = default;

  /// A newer ability of this driver, or nullptr. The pointer lives as long as the driver.
  virtual void* query(std::string_view /*ability*/) noexcept { return nullptr; }

  virtual void capabilities(Capabilities& out) const = 0;
  virtual void options(std::vector<OptionInfo>& out) const = 0;

  /// Takes the settings and checks that the driver can work on this host (kernel, filesystem, permissions).
  /// Must not touch objects that exist: the daemon reconciles them afterwards.
  /// Errors: invalid (an option's value), unsupported (the host lacks something: the message says what), io.
  virtual void open(Host& host) = 0;
};

}  // namespace gantry
