#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/driver.hpp"
#include "gantry/mount.hpp"
#include "gantry/stream.hpp"
#include "gantry/unique_fd.hpp"

/// Builder drivers turn a recipe and a build context into an image.
///
/// A driver reads the recipe and decides what comes in which order; whatever needs images, layers, containers or a
/// registry it asks of the `Session` that comes with each build. So a driver knows no storage, no runtime and no
/// network, and the daemon knows no recipe.
///
/// A step of a build: `cached`; if that finds nothing, `make_tree` and write into `open_tree`, or `create_container`
/// and `run`; then `commit`, then `remove_tree` or `remove_container`. Trees that a build leaves behind, however it
/// ends, the daemon removes; a container stays for the user to look at.
namespace gantry::builder::v1 {

/// How a container's health is checked (API: HealthConfig; nanoseconds). Frozen.
struct HealthCheck {
  std::vector<std::string> test;
  std::int64_t interval{};
  std::int64_t timeout{};
  std::int64_t start_period{};
  std::int64_t start_interval{};
  int retries{};
};

/// What an image says of the containers made from it (OCI image spec, config.md; Docker's extensions). Frozen: others
/// hold it by value.
struct Config {
  std::string user;
  std::vector<std::string> exposed_ports;  ///< "80/tcp".
  std::vector<std::string> env;            ///< "NAME=value".
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  bool args_escaped{};
  std::optional<HealthCheck> health_check;
};

/// An image of this host's. May grow at its end.
struct Image {
  std::string id;  ///< "sha256:<hex>"; empty: no image at all, from which a build may start too.
  Config config;
  std::string os;
  std::string architecture;
  std::string variant;
  std::string author;
};

/// What makes one image out of another. May grow at its end.
struct Step {
  std::string parent;  ///< Its id; empty: nothing.
  Config config;       ///< Of the new image.
  std::string author;
  /// What was done, for the history. It is the step's name in the cache as well: two steps over one parent that differ
  /// in what they depend on (the content of files, arguments) must differ here.
  std::string created_by;
  std::string top;  ///< The tree or container whose changes become a layer; empty: only the config changes.
  /// Seconds since 1970: when the image was made, and the latest time that a file of the layer has; none: now, and what
  /// the files have.
  std::optional<std::int64_t> created;
};

/// A container in which a step's command runs. May grow at its end.
struct ContainerSpec {
  std::string image;  ///< Its id; empty: an empty tree.
  Config config;      ///< What runs is `entrypoint` and `cmd` together.
  /// Of the host, to be bound at their targets: the driver's own files, or a tmpfs.
  std::vector<Mount> mounts;
  std::string network;                  ///< "none", "host"; empty: what the user asked for.
  std::vector<std::string> secret_env;  ///< "NAME=value" that no record and no log may hold.
  bool privileged{};
};

/// Takes what a command says, on a thread of the daemon's that must not be kept waiting.
class Output {
 public:
  virtual ~Output() = default;
  virtual void write(std::string_view text, bool is_error) = 0;
};

/// Of a session (`Session::query(Steps::kService)`): for drivers that do several steps at once. With it the calls of
/// the session may come from several threads.
class Steps {
 public:
  static constexpr const char* kService = "steps";
  virtual ~Steps() = default;

  /// As `Session::output`; what is an error is shown as such.
  virtual void output(std::string_view text, bool is_error) = 0;
  /// As `Session::run`, but what the command says goes to `output`.
  virtual int run(const std::string& container, Output& output) = 0;
  /// Ends a command that another thread runs. Succeeds if it does not run.
  virtual void stop(const std::string& container) = 0;
};

/// Of a session (`Session::query(Grafts::kService)`): steps whose layer is made of nothing that is below it, so that
/// one that was made over another parent serves as well. Any thread.
class Grafts {
 public:
  static constexpr const char* kService = "grafts";
  virtual ~Grafts() = default;

  /// As `Session::cached`; if that finds nothing, makes the image of the step with the layer of any step of a build
  /// here that has the same `created_by` and `created`. Errors: those of `Session::commit`.
  virtual bool grafted(const Step& step, Image& out) = 0;
};

/// Of a session (`Session::query(Loans::kService)`): what the user lends to commands for as long as they run. None of
/// it may get into an image, a record, a log or the name of a step.
class Loans {
 public:
  static constexpr const char* kService = "loans";
  virtual ~Loans() = default;

  /// The content of a secret; false if the user has given none of this name.
  virtual bool secret(const std::string& id, std::string& out) = 0;
  /// Serves the user's SSH agent to whoever connects to `listener` (a listening unix socket; it stays the caller's),
  /// until it is shut down (shutdown(2)) or the build ends. Keys can be listed and used for signatures, nothing else.
  /// False if there is no such agent.
  virtual bool serve_agent(const std::string& id, int listener) = 0;
};

/// Of a session (`Session::query(Devices::kService)`): devices of the host by the names that its CDI files give them
/// ("vendor.com/class=name"). Any thread.
class Devices {
 public:
  static constexpr const char* kService = "devices";
  virtual ~Devices() = default;

  /// All that there are, in order.
  virtual void known(std::vector<std::string>& out) = 0;
  /// As `Session::create_container`, with the devices `names`. Errors: denied (the user has not allowed it).
  virtual std::string create_with(const ContainerSpec& spec, const std::vector<std::string>& names) = 0;
};

/// What a step has come to. May grow at its end.
struct StepReport {
  enum class Kind : int { started = 0, output, cached, done, failed, cancelled, warning, source };
  Kind kind{};
  std::size_t step{};  ///< Of this build; unique.
  /// Its name; what it said; why it failed. Of a warning: the warning. Of a source: the lines of the recipe that
  /// failed.
  std::string text;
};

/// Of a session whose user sees steps as they go (`Session::query(Display::kService)`): then nothing is shown by
/// `Session::output`. Any thread; never blocks.
class Display {
 public:
  static constexpr const char* kService = "display";
  virtual ~Display() = default;
  virtual void report(const StepReport& report) = 0;
};

/// Something from outside that a build has taken in. May grow at its end.
struct Material {
  /// "https://host/file", of a repository "https://host/repository.git#reference"; without passwords.
  std::string uri;
  std::string algorithm;  ///< Of `digest`: "sha256", "sha1".
  std::string digest;     ///< Hex digits.
};

/// Of a session whose user wants to know what the image was made from (`Session::query(Origins::kService)`). Any
/// thread. Of the images that the session has given it knows itself.
class Origins {
 public:
  static constexpr const char* kService = "origins";
  virtual ~Origins() = default;

  virtual void material(const Material& material) = 0;
  /// The recipe, as the build has read it.
  virtual void recipe(const std::string& name, const std::string& text) = 0;
};

/// What the daemon does for one build. Valid until `Driver::build` returns; one thread at a time (see `Steps`). All
/// block, and throw `Errc::cancelled` once the build is cancelled.
class Session {
 public:
  virtual ~Session() = default;

  /// A newer service, or nullptr.
  virtual void* query(std::string_view /*service*/) noexcept { return nullptr; }

  /// Text for the user, as it is.
  virtual void output(std::string_view text) = 0;

  /// Finds an image by what a user calls it; gets it from its registry if there is none, or if `pull`. `platform`
  /// empty: this host's. Errors: not_found, denied, unavailable, invalid.
  virtual void image(const std::string& reference, const std::string& platform, bool pull, Image& out) = 0;

  /// Finds the image that such a step made before (`top` is not looked at). Answers whether there is one.
  virtual bool cached(const Step& step, Image& out) = 0;

  /// Makes the image of a step. Errors: exhausted (too many layers), io.
  virtual void commit(const Step& step, Image& out) = 0;

  /// A writable tree over an image's layers (none: empty). Answers its name.
  virtual std::string make_tree(const std::string& image) = 0;

  /// Its root directory. Links in it are the image's: resolve paths with RESOLVE_IN_ROOT (openat2(2)).
  virtual UniqueFd open_tree(const std::string& tree) = 0;

  /// Succeeds if there is none. Close what was opened in it before.
  virtual void remove_tree(const std::string& tree) = 0;

  /// Answers the container's id, 64 hex digits. Errors: as of `container create`.
  virtual std::string create_container(const ContainerSpec& spec) = 0;

  /// Runs the container's command to its end, shows its output to the user and answers its exit code. If the build
  /// fails afterwards, the code goes into the user's error.
  virtual int run(const std::string& container) = 0;

  /// Succeeds if there is none.
  virtual void remove_container(const std::string& container) = 0;
};

/// With whose rights a directory is read. Frozen.
struct Reader {
  std::uint32_t uid{};
  std::uint32_t gid{};
  std::vector<std::uint32_t> groups;
};

/// What the user asked for. May grow at its end.
struct Request {
  std::string recipe;  ///< The recipe's path in the context; empty: the driver's usual one.
  std::string remote;  ///< The URL of the context; empty: it comes with the call.
  std::string target;  ///< The stage to build; empty: the last.
  /// Name and value; one without a value is named only.
  std::vector<std::pair<std::string, std::optional<std::string>>> arguments;
  std::map<std::string, std::string> labels;
  std::string platform;
  bool no_cache{};
  bool pull{};
  bool remove{true};                         ///< Containers of steps that succeeded.
  bool force_remove{};                       ///< Those of steps that failed too.
  std::vector<std::string> no_cache_stages;  ///< The stages that are built without the cache.
  /// Further contexts: name to "docker-image://REFERENCE", an address, or "directory:PATH" in the context that is sent.
  std::map<std::string, std::string> contexts;
  bool insecure{};    ///< Commands may ask to be privileged.
  bool check_only{};  ///< Nothing is built; the recipe is looked through.
  /// The context, if it does not come as an archive: a directory of the user's on this host, open; -1: none. It stays
  /// the caller's, and may change while it is read. What its .dockerignore names is no part of the context.
  int directory{-1};
  Reader reader;  ///< Who must be allowed to read `directory`.
  /// The context that comes with the call, as a file that may be read at any place, as often as a driver wants it; -1:
  /// there is none. It stays the caller's.
  int archive{-1};
};

/// What a driver keeps between builds. May grow at its end.
struct Usage {
  std::uint64_t size{};  ///< Bytes.
};

/// One of the things that a driver keeps between builds. May grow at its end.
struct CacheRecord {
  std::string id;    ///< Unique within the driver: [a-z0-9-]+.
  std::string type;  ///< "exec.cachemount", "source.local" ... (API: BuildCache.Type).
  std::string description;
  std::uint64_t size{};       ///< Bytes.
  std::int64_t created{};     ///< Nanoseconds since 1970.
  std::int64_t last_used{};   ///< The same.
  std::uint64_t use_count{};  ///< By how many steps.
  bool in_use{};
};

/// Of a driver (`Driver::query(Cache::kAbility)`): what it keeps between builds, one by one, so that the daemon can
/// hold it to a limit. Any thread, also while builds run.
class Cache {
 public:
  static constexpr const char* kAbility = "cache";
  virtual ~Cache() = default;

  virtual void records(std::vector<CacheRecord>& out, const Call& call) = 0;

  /// Removes one; `freed` is what that freed. Succeeds if there is none. Errors: conflict (a build uses it).
  virtual void remove(const std::string& id, std::uint64_t& freed, const Call& call) = 0;
};

/// Calls block; builds may go on side by side.
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "builder";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 1;

  /// Builds. `context` is an archive as the client sent it (tar, perhaps compressed), hostile; empty with
  /// `Request::remote`. `out` is the image's id.
  /// Errors: invalid (the recipe or the context: names the line or the file), and those of the session.
  virtual void build(const Request& request, ByteSource& context, Session& session, std::string& out,
                     const Call& call) = 0;

  /// What `prune` would free at most.
  virtual void usage(Usage& out, const Call& call) = 0;

  /// Removes what is kept between builds and not in use; `out` is what was freed.
  virtual void prune(Usage& out, const Call& call) = 0;
};

}  // namespace gantry::builder::v1
