#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "containers/health.hpp"
#include "containers/state.hpp"
#include "wire/container_config.hpp"

namespace gantry::containers {

/// One place in the container's tree that is not its layers' (API: MountPoint).
struct MountPoint {
  std::string type;         ///< "bind", "volume", "tmpfs" or "image".
  std::string name;         ///< The volume's; of an image as the user named it.
  std::string source;       ///< Of a bind: absolute host path; of a volume: its mountpoint; of an image: its id.
  std::string destination;  ///< Absolute, clean.
  std::string driver;       ///< The volume's.
  std::string mode;         ///< As the user wrote it behind the last colon: "ro,z".
  bool writable{true};
  std::string propagation;  ///< "rprivate", ...; empty for what is not a bind.
  std::string options;      ///< Of a tmpfs: "size=64m,mode=1777".
  std::string subpath;      ///< Of a volume or an image.
  bool no_copy{};           ///< Don't fill a new volume from the image.
  bool create_source{};     ///< Make the bind's missing source a directory, as -v does.
  bool non_recursive{};
  bool readonly_top_only{};  ///< What is mounted below stays writable.
  bool id_map{};             ///< A bind whose ids on disk are the container's.
  bool anonymous{};          ///< Removed with the container (`rm -v`, --rm).
  bool from_mounts{};        ///< Asked for as --mount: HostConfig.Mounts.
};

/// A change of mounts that is under way: intent, undone after a crash. Its volumes count as used.
struct MountEdit {
  std::vector<MountPoint> made;
  std::vector<MountPoint> gone;
  std::size_t mounted{};    ///< So many of `made` may be mounted, ...
  std::size_t unmounted{};  ///< ... and so many of `gone` unmounted, in the running container.
};

/// A container, as it is on record. The table of transitions guards `state`.
struct Container {
  std::string id;    ///< 64 hex digits.
  std::string name;  ///< Without the slash.
  Nanoseconds created{};
  std::string image_id;
  wire::ContainerConfig config;                             ///< Merged with the image's.
  wire::HostConfig host_config;                             ///< With the defaults filled in.
  std::map<std::string, wire::EndpointSettings> endpoints;  ///< By network name, as asked for.
  std::vector<MountPoint> mounts;
  std::optional<MountEdit> mount_edit;
  std::string storage_driver;
  std::string log_path;  ///< Of the last run; empty if its log driver tells none.
  bool passing{};        ///< A build's step: of no use to anybody without the daemon that began it.

  State state{State::created};
  std::int64_t pid{};  ///< With start_time_ticks: names the process while alive.
  std::uint64_t start_time_ticks{};
  Nanoseconds started{};   ///< 0: never.
  Nanoseconds finished{};  ///< 0: never.
  int exit_code{};
  std::string error;
  bool sandboxed{};  ///< A start, were it one that failed, got as far as to its files (hosts, log ...).
  bool oom_killed{};
  int restart_count{};
  bool pausing{};                ///< A pause that is not finished, or for a while only: the recovery takes it back.
  bool stopped_by_user{};        ///< `stop` or `kill`: unless-stopped and on-failure leave it alone.
  std::optional<Health> health;  ///< Nothing without a health check, and before the first start.
  std::map<std::string, wire::EndpointSettings> last_endpoints;  ///< What came of them, of the present or the last run.

  /// The command line: entrypoint and cmd together.
  [[nodiscard]] std::vector<std::string> command() const;

  /// A start that is under way shows what was before it.
  [[nodiscard]] State shown_state() const;

  /// Changes `state`. Errors: conflict if the table of transitions forbids it.
  void move_to(State next);
};

/// For state::Table.
std::string to_record(const Container& container);
void from_record(const std::string& text, Container& container);

}  // namespace gantry::containers
