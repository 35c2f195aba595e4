#include "gantry/runtime.hpp"

#include "gantry/oom_watch.hpp"
#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"
#include "isolated/runtime_structs.hpp"

/// What a runtime hands out are descriptors: the ends of containers and their streams. They travel beside the answers.
/// A container does not depend on the driver's process: it has a shim of its own, which another process of the driver's
/// finds again by its files.
namespace gantry::isolated {
namespace {

using RuntimeDriver = runtime::v1::Driver;
using runtime::v1::ExecSpec;
using runtime::v1::ExitStatus;
using runtime::v1::LiveMounts;
using runtime::v1::OomWatch;
using runtime::v1::Resources;
using runtime::v1::Spec;
using runtime::v1::Stats;
using runtime::v1::Streams;
using StartedProcess = runtime::v1::Running;

void create_container(RuntimeDriver& driver, const Spec& spec, StartedProcess& out, ReturnedFd& exit,
                      const Call& call) {
  driver.create(spec, out, call);
  exit.fd = std::move(out.exit_fd);
}

void adopt_container(RuntimeDriver& driver, const std::string& id, StartedProcess& out, ReturnedFd& exit,
                     const Call& call) {
  driver.adopt(id, out, call);
  exit.fd = std::move(out.exit_fd);
}

void exec_in_container(RuntimeDriver& driver, const std::string& id, const ExecSpec& spec, StartedProcess& out,
                       ReturnedFd& exit, ReturnedFd& socket, const Call& call) {
  Streams streams;
  driver.exec(id, spec, out, streams, call);
  exit.fd = std::move(out.exit_fd);
  socket.fd = std::move(streams.socket);
}

void attach_to_container(RuntimeDriver& driver, const std::string& id, ReturnedFd& socket, const Call& call) {
  Streams streams;
  driver.attach(id, streams, call);
  socket.fd = std::move(streams.socket);
}

LiveMounts& live_mounts_of(RuntimeDriver& driver) {
  if (auto* mounts = static_cast<LiveMounts*>(driver.query(LiveMounts::kAbility))) return *mounts;
  throw Error{Errc::unsupported, "the driver does not change mounts of what runs"};
}

OomWatch& oom_watch_of(RuntimeDriver& driver) {
  if (auto* watch = static_cast<OomWatch*>(driver.query(OomWatch::kAbility))) return *watch;
  throw Error{Errc::unsupported, "the driver does not watch for a lack of memory"};
}

void mount_live(RuntimeDriver& driver, const std::string& id, const Mount& mount, const Call& call) {
  live_mounts_of(driver).mount(id, mount, call);
}

void unmount_live(RuntimeDriver& driver, const std::string& id, const std::string& target, const Call& call) {
  live_mounts_of(driver).unmount(id, target, call);
}

void watch_for_oom(RuntimeDriver& driver, const std::string& id, ReturnedFd& changed, const Call& call) {
  oom_watch_of(driver).watch_oom(id, changed.fd, call);
}

bool oom_has_struck(RuntimeDriver& driver, const std::string& id, const PassedFd& changed, std::uint64_t& seen,
                    const Call& call) {
  return oom_watch_of(driver).has_struck(id, changed.fd, seen, call);
}

using RuntimeMethods =
    MethodList<RuntimeDriver, &create_container, &RuntimeDriver::start, &RuntimeDriver::signal, &RuntimeDriver::pause,
               &RuntimeDriver::resume, &RuntimeDriver::update, &RuntimeDriver::stats, &RuntimeDriver::processes,
               &exec_in_container, &attach_to_container, &RuntimeDriver::resize, &RuntimeDriver::exit_status,
               &RuntimeDriver::reopen_log, &adopt_container, &RuntimeDriver::remove, &RuntimeDriver::list, &mount_live,
               &unmount_live, &watch_for_oom, &oom_has_struck>;

class RuntimeProxy final : public Proxy<RuntimeDriver, RuntimeMethods>, public LiveMounts, public OomWatch {
 public:
  using Proxy::Proxy;

  void create(const Spec& spec, StartedProcess& out, const Call& call) override {
    ReturnedFd exit;
    invoke<&create_container>(spec, out, exit, call);
    out.exit_fd = std::move(exit.fd);
  }
  void start(const std::string& id, const Call& call) override { invoke<&RuntimeDriver::start>(id, call); }
  void signal(const std::string& id, const std::string& exec_id, int signal, const Call& call) override {
    invoke<&RuntimeDriver::signal>(id, exec_id, signal, call);
  }
  void pause(const std::string& id, const Call& call) override { invoke<&RuntimeDriver::pause>(id, call); }
  void resume(const std::string& id, const Call& call) override { invoke<&RuntimeDriver::resume>(id, call); }
  void update(const std::string& id, const Resources& resources, const Call& call) override {
    invoke<&RuntimeDriver::update>(id, resources, call);
  }
  void stats(const std::string& id, Stats& out, const Call& call) override {
    invoke<&RuntimeDriver::stats>(id, out, call);
  }
  void processes(const std::string& id, std::vector<std::int64_t>& out, const Call& call) override {
    invoke<&RuntimeDriver::processes>(id, out, call);
  }
  void exec(const std::string& id, const ExecSpec& spec, StartedProcess& out, Streams& streams,
            const Call& call) override {
    ReturnedFd exit;
    ReturnedFd socket;
    invoke<&exec_in_container>(id, spec, out, exit, socket, call);
    out.exit_fd = std::move(exit.fd);
    streams.socket = std::move(socket.fd);
  }
  void attach(const std::string& id, Streams& out, const Call& call) override {
    ReturnedFd socket;
    invoke<&attach_to_container>(id, socket, call);
    out.socket = std::move(socket.fd);
  }
  void resize(const std::string& id, const std::string& exec_id, std::uint16_t rows, std::uint16_t columns,
              const Call& call) override {
    invoke<&RuntimeDriver::resize>(id, exec_id, rows, columns, call);
  }
  void exit_status(const std::string& id, const std::string& exec_id, ExitStatus& out, const Call& call) override {
    invoke<&RuntimeDriver::exit_status>(id, exec_id, out, call);
  }
  void reopen_log(const std::string& id, const Call& call) override { invoke<&RuntimeDriver::reopen_log>(id, call); }
  void adopt(const std::string& id, StartedProcess& out, const Call& call) override {
    ReturnedFd exit;
    invoke<&adopt_container>(id, out, exit, call);
    out.exit_fd = std::move(exit.fd);
  }
  void remove(const std::string& id, const Call& call) override { invoke<&RuntimeDriver::remove>(id, call); }
  void list(std::vector<std::string>& out, const Call& call) override { invoke<&RuntimeDriver::list>(out, call); }

  void mount(const std::string& id, const Mount& mount, const Call& call) override {
    invoke<&mount_live>(id, mount, call);
  }
  void unmount(const std::string& id, const std::string& target, const Call& call) override {
    invoke<&unmount_live>(id, target, call);
  }

  void watch_oom(const std::string& id, UniqueFd& changed, const Call& call) override {
    ReturnedFd returned;
    invoke<&watch_for_oom>(id, returned, call);
    changed = std::move(returned.fd);
  }
  bool has_struck(const std::string& id, int changed, std::uint64_t& seen, const Call& call) override {
    return invoke<&oom_has_struck>(id, PassedFd{changed}, seen, call);
  }

 private:
  void* ability(std::string_view name) noexcept override {
    if (name == LiveMounts::kAbility) return static_cast<LiveMounts*>(this);
    return name == OomWatch::kAbility ? static_cast<OomWatch*>(this) : nullptr;
  }
};

}  // namespace

const Kind kRuntimeKind{
    RuntimeDriver::kKind,
    [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
      return std::shared_ptr<RuntimeDriver>{std::make_shared<RuntimeProxy>(std::move(remote), lesson)};
    },
    &RuntimeMethods::serve,
    {LiveMounts::kAbility, OomWatch::kAbility}};

}  // namespace gantry::isolated
