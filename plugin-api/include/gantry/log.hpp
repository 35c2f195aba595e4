#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gantry/driver.hpp"
#include "gantry/log_entry.hpp"

/// Log drivers keep what a container writes to its standard output and error.
///
/// No line passes through the daemon: lines must survive its death. So a driver *plans* in the daemon, and what it
/// planned is carried out by the runtime beside the container: either by the runtime's own writers of files
/// ("json-file", "local"), which run none of the driver's code, or by a process (`gantry-logger`) that loads the
/// driver's shared object anew, asks it for its `Writer` and passes it each line.
///
/// Life: check at the container's creation; plan at each start; what was written is read back by a `Reader`, from the
/// first start until the container is removed, whether it runs or not.
///
/// Capabilities that the daemon looks for:
///   "read"   `query(Reader::kAbility)` answers a Reader: `docker logs` works.
///   "write"  `query(Writer::kAbility)` answers a Writer: needed for plans whose writer is "process".
///   "path"   `Plan::path` is told to users (API: LogPath).
///   "instant" `query(Instant::kAbility)` answers an Instant.
///
/// What a driver writes by a process and does not give back is also kept by the driver `local`, which reads it back.
namespace gantry::log::v1 {

/// What a driver is told of a container. May grow at its end.
struct Subject {
  std::string id;                    ///< 64 hex digits.
  std::string name;                  ///< Without a slash.
  std::string image_id;              ///< "sha256:..."
  std::string image_name;            ///< As the user gave it.
  std::int64_t created{};            ///< Nanoseconds since the epoch.
  std::vector<std::string> command;  ///< Entrypoint and arguments.
  std::vector<std::string> env;      ///< "NAME=value".
  Options labels;
  std::string daemon_name;  ///< "docker": what the templates of Docker's drivers call the daemon.
  std::string directory;  ///< The container's own folder, root's. A driver that keeps files keeps them there: they are
                          ///< removed with the container.
};

/// Who writes the lines, and how: plain data for the runtime. Frozen: what is new comes with a new struct.
struct Plan {
  /// "none": nobody. "json-file": the runtime, in Docker's json-file format. "local": the runtime, records as of
  /// gantry/log_record.hpp, each with its length before and after it. "process": a process, see `command`; and if there
  /// is a path, a file as of "local" too.
  std::string writer;

  // Of the files:
  std::string path;            ///< The newest one; the older ones are path.1, path.2 and so on. Without: no files.
  std::uint64_t max_size{};    ///< Bytes before it is rotated; 0: never.
  std::uint32_t max_files{1};  ///< With the newest one.
  bool compress{};             ///< Rotated files become path.1.gz and so on, by `compressor`.
  std::string attributes;      ///< json-file: a JSON object for each line's "attrs"; empty: none.

  // Of the process:
  Options settings;                 ///< Given to `Writer::open`, as the driver wants them.
  bool non_blocking{};              ///< Lines are dropped rather than the container held up. The daemon sets it.
  std::uint64_t max_buffer_size{};  ///< Bytes that wait for the process at most. The daemon sets it.

  // Filled in by the daemon:
  std::vector<std::string> command;     ///< The process: program and arguments. It gets records on its standard input,
                                        ///< each with its length before it, and ends when that ends.
  std::string head;                     ///< Bytes that its standard input begins with.
  std::vector<std::string> compressor;  ///< Program and arguments, but for the last one: the file's path. The file is
                                        ///< its standard input, and locked (flock(2)) for as long as it runs.
};

/// API: ContainerLogs. May grow at its end.
struct ReadRequest {
  bool want_stdout{true};
  bool want_stderr{true};
  std::optional<std::uint64_t> tail;  ///< The last so many entries.
  std::int64_t since{};               ///< Nanoseconds since the epoch; 0: from the beginning.
  std::int64_t until{};               ///< 0: no end.
};

/// A place in a container's log. Used by one thread at a time.
class Cursor {
 public:
  virtual ~Cursor() = default;

  /// The next entries that match, some tens of kilobytes of them; none at the log's present end. Never waits for more.
  /// Errors: io.
  virtual void next(std::vector<Entry>& out, const Call& call) = 0;

  /// Whether `until` has passed: nothing more will match.
  [[nodiscard]] virtual bool finished() const noexcept = 0;

  /// Directories in which something changes (inotify(7)) whenever there is more to read.
  virtual void watched(std::vector<std::string>& out) const = 0;
};

/// Reads back. Calls block; calls for different containers, and several cursors of one, may come at once.
class Reader {
 public:
  static constexpr const char* kAbility = "read";
  virtual ~Reader() = default;

  /// A cursor of the caller's, which it destroys before the driver. A container that has logged nothing has an empty
  /// log. It sees rotations, and lines that are written meanwhile, each once.
  virtual std::unique_ptr<Cursor> read(const Subject& subject, const Options& options, const ReadRequest& request,
                                       const Call& call) = 0;

  /// Forgets what was logged. The container may run. The caller gives it up after 30 s. Errors: unsupported, io.
  virtual void clear(const Subject& subject, const Options& options, const Call& call) = 0;
};

/// Writes, in a process of the container's own: `Driver::open` is not called there, one thread makes all calls, and it
/// may end at any instant. What it throws, and how many lines were lost by that, is told in the daemon's log.
class Writer {
 public:
  static constexpr const char* kAbility = "write";
  virtual ~Writer() = default;

  /// Once, first. `settings`: as planned.
  virtual void open(const Options& settings) = 0;

  /// May block: what comes meanwhile is buffered, and then holds up the container unless it runs with
  /// mode=non-blocking.
  virtual void write(const Entry& entry) = 0;

  /// The container has ended: writes what is still held back. Nobody waits for it: a Reader may see the last lines a
  /// little later than the container's end. 10 s after that end the process ends, whether this has returned or not, and
  /// whether all lines were written or not.
  virtual void close() = 0;
};

/// For drivers whose `check` and `plan` compute, and touch nothing outside of the process: a start is spared a trip to
/// a worker.
class Instant {
 public:
  static constexpr const char* kAbility = "instant";
  virtual ~Instant() = default;

  /// Whether `check` and `plan` return in no time with these options: then the daemon calls them on the thread that
  /// serves its clients, and cannot give them up. Called there itself.
  [[nodiscard]] virtual bool answers_at_once(const Options& options) const noexcept = 0;
};

/// Calls block; they may come at once.
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "log";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 0;

  /// Checks a container's options (API: HostConfig.LogConfig.Config), or the config's log-opts, without `mode` and
  /// `max-buffer-size`, which are the daemon's. Names that are not in `options()` must be refused; values may be, or
  /// else by `plan`. The caller gives it up after 30 s. Errors: invalid, in dockerd's words: "unknown log opt 'x' for
  /// json-file log driver".
  virtual void check(const Options& options, const Call& call) = 0;

  /// Says what is to be done for a container that is about to start. May be repeated. The caller gives it up after
  /// 30 s. Errors: invalid (an option), unavailable (a server that does not answer). The start fails in each case.
  virtual void plan(const Subject& subject, const Options& options, Plan& out, const Call& call) = 0;
};

}  // namespace gantry::log::v1
