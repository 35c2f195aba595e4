#include "containers/service_fakes.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

namespace gantry::containers::fakes {

World*& world() {
  static World* current = nullptr;
  return current;
}

void World::end(const std::string& id, int code) {
  const std::lock_guard lock{mutex};
  auto& process = processes.at(id);
  process.code = code;
  const std::uint64_t one = 1;
  (void)!::write(process.exited.get(), &one, sizeof one);
}

bool World::holds_nothing() {
  const std::lock_guard lock{mutex};
  return processes.empty() && tops.empty() && sandboxes.empty() && acquired.empty();
}

namespace {

/// A runtime whose processes are entries of a table.
class FakeRuntime : public runtime::v1::Driver, public runtime::v1::LiveMounts {
 public:
  void* query(std::string_view ability) noexcept override {
    return ability == LiveMounts::kAbility ? static_cast<LiveMounts*>(this) : nullptr;
  }
  void capabilities(Capabilities&) const override {}
  void options(std::vector<OptionInfo>&) const override {}
  void open(Host&) override {}

  void create(const runtime::v1::Spec& spec, runtime::v1::Running& out, const Call&) override {
    const std::lock_guard gate{world()->create_gate};
    const std::lock_guard lock{world()->mutex};
    world()->calls.push_back("create");
    world()->mounted[spec.id].clear();
    for (const Mount& mount : spec.mounts) world()->mounted[spec.id].push_back(mount.target);
    auto& process = world()->processes[spec.id];
    process.pid = ::getpid();  // so that its namespaces can be opened
    process.exited = UniqueFd{::eventfd(0, EFD_CLOEXEC)};
    hand_over(process, out);
  }

  void start(const std::string& id, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    world()->calls.push_back("start");
    if (world()->start_failure) throw Error{*world()->start_failure};
    world()->processes.at(id).started = true;
  }

  void signal(const std::string& id, const std::string& exec_id, int signal, const Call&) override {
    {
      const std::lock_guard lock{world()->mutex};
      if (!world()->processes.contains(exec_id.empty() ? id : exec_id)) throw Error{Errc::not_found, "no such process"};
      if (signal == SIGTERM && world()->ignores_term) return;
    }
    if (const auto failure = world()->signal_failure) {
      if (failure->code() == Errc::conflict) world()->end(id, 0);
      throw Error{*failure};
    }
    world()->end(exec_id.empty() ? id : exec_id, 128 + signal);
  }

  void pause(const std::string& id, const Call&) override { set_paused(id, true); }
  void resume(const std::string& id, const Call&) override { set_paused(id, false); }
  void update(const std::string&, const runtime::v1::Resources&, const Call&) override {}
  void stats(const std::string&, runtime::v1::Stats&, const Call&) override {}
  void processes(const std::string&, std::vector<std::int64_t>& out, const Call&) override { out = {::getpid()}; }

  void exec(const std::string&, const runtime::v1::ExecSpec& spec, runtime::v1::Running& out,
            runtime::v1::Streams& streams, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    auto& process = world()->processes[spec.exec_id];
    process.exec = true;
    process.pid = world()->next_pid++;
    process.exited = UniqueFd{::eventfd(0, EFD_CLOEXEC)};
    hand_over(process, out);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw Error{Errc::io, "socketpair"};
    (void)!::write(ends[0], world()->exec_output.data(), world()->exec_output.size());
    ::close(ends[0]);
    streams.socket = UniqueFd{ends[1]};
  }

  void attach(const std::string& id, runtime::v1::Streams& out, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    world()->calls.push_back("attach");
    world()->processes.at(id).attached++;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw Error{Errc::io, "socketpair"};
    ::close(ends[0]);
    out.socket = UniqueFd{ends[1]};
  }

  void resize(const std::string&, const std::string&, std::uint16_t, std::uint16_t, const Call&) override {}

  void exit_status(const std::string& id, const std::string& exec_id, runtime::v1::ExitStatus& out,
                   const Call&) override {
    const std::lock_guard lock{world()->mutex};
    const auto found = world()->processes.find(exec_id.empty() ? id : exec_id);
    if (found == world()->processes.end()) throw Error{Errc::not_found, "no such process"};
    if (!found->second.code) throw Error{Errc::conflict, "still runs"};
    out.code = *found->second.code;
    out.finished_at_ns = now();
  }

  void reopen_log(const std::string&, const Call&) override {}

  void adopt(const std::string& id, runtime::v1::Running& out, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    const auto found = world()->processes.find(id);
    if (found == world()->processes.end() || !found->second.started) throw Error{Errc::not_found, "never started"};
    hand_over(found->second, out);
  }

  void remove(const std::string& id, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    world()->processes.erase(id);
  }

  void list(std::vector<std::string>& out, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    for (const auto& [id, process] : world()->processes) {
      if (!process.exec) out.push_back(id);
    }
  }

  void mount(const std::string& id, const Mount& mount, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    if (world()->unmountable.contains(mount.target)) throw Error{Errc::invalid, "cannot mount at " + mount.target};
    world()->mounted[id].push_back(mount.target);
  }

  // As the kernel: what came later hides what is below it, and keeps what it is in.
  void unmount(const std::string& id, const std::string& target, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    auto& targets = world()->mounted[id];
    for (auto top = targets.rbegin(); top != targets.rend(); ++top) {
      if (*top == target) return void(targets.erase(std::next(top).base()));
      if (top->starts_with(target + "/")) throw Error{Errc::conflict, target + " is in use"};
      if (target.starts_with(*top + "/")) break;
    }
    throw Error{Errc::invalid, "nothing is mounted at " + target};
  }

 private:
  static void hand_over(const Process& process, runtime::v1::Running& out) {
    out.pid = process.pid;
    out.start_time = world()->start_time;
    out.exit_fd = UniqueFd{::dup(process.exited.get())};
  }
  static void set_paused(const std::string& id, bool paused) {
    const std::lock_guard lock{world()->mutex};
    world()->processes.at(id).paused = paused;
  }
};

class FakeStorage : public storage::v1::Driver {
 public:
  void capabilities(Capabilities&) const override {}
  void options(std::vector<OptionInfo>&) const override {}
  void open(Host&) override {}
  void apply(const storage::v1::ChainId&, const std::vector<storage::v1::ChainId>&, ByteSource&,
             storage::v1::AppliedLayer&, const Call&) override {}
  void remove_layer(const storage::v1::ChainId&, const Call&) override {}
  void prepare(const storage::v1::Key& key, const std::vector<storage::v1::ChainId>&,
               const storage::v1::PrepareOptions&, std::vector<Mount>& out, const Call& call) override {
    {
      const std::lock_guard lock{world()->mutex};
      world()->tops.insert(key);
    }
    const std::lock_guard gate{world()->top_gate};
    mounts(key, out, call);
  }
  void mounts(const storage::v1::Key&, std::vector<Mount>& out, const Call&) override {
    out = {{"bind", "/", "", "", {"rbind"}}};
  }
  void remove(const storage::v1::Key& key, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    if (world()->stuck.contains(key)) throw Error{Errc::io, "device or resource busy"};
    world()->tops.erase(key);
  }
  void usage(const storage::v1::Key&, storage::v1::Usage& out, const Call&) override { out.size = 5; }
  void changes(const storage::v1::Key&, std::vector<storage::v1::Change>&, const Call&) override {}
  void diff(const storage::v1::Key&, ByteSink&, const Call&) override {}
  void list(storage::v1::Holdings& out, const Call&) override {
    const std::lock_guard lock{world()->mutex};
    out.keys.assign(world()->tops.begin(), world()->tops.end());
  }
};

class FakeLog : public log::v1::Driver, public log::v1::Instant {
 public:
  void capabilities(Capabilities& out) const override { out = {Instant::kAbility}; }
  void options(std::vector<OptionInfo>&) const override {}
  void open(Host&) override {}
  void check(const Options& options, const Call&) override {
    if (options.contains("bogus")) throw Error{Errc::invalid, "unknown log opt 'bogus' for fake log driver"};
  }
  void plan(const log::v1::Subject&, const Options&, log::v1::Plan& out, const Call&) override {
    std::optional<std::shared_future<void>> gate;
    {
      const std::lock_guard lock{world()->mutex};
      gate = world()->log_gate;
    }
    if (gate) gate->wait();
    out.writer = "none";
  }
  void* query(std::string_view ability) noexcept override {
    return ability == Instant::kAbility ? static_cast<Instant*>(this) : nullptr;
  }
  [[nodiscard]] bool answers_at_once(const Options&) const noexcept override { return true; }
};

template <class Interface, class Class>
plugins::Handle<Interface> handle(const char* kind, const char* name) {
  auto info = std::make_shared<plugins::DriverInfo>();
  info->kind = kind;
  info->name = name;
  auto driver = std::make_shared<Class>();
  driver->capabilities(info->capabilities);
  return {std::move(driver), std::move(info)};
}

}  // namespace
}  // namespace gantry::containers::fakes

namespace gantry::plugins {

using containers::fakes::handle;

struct Drivers::Impl {
  StorageDriver storage = handle<storage::v1::Driver, containers::fakes::FakeStorage>("storage", "overlay");
  RuntimeDriver runtime = handle<runtime::v1::Driver, containers::fakes::FakeRuntime>("runtime", "native");
  LogDriver log = handle<log::v1::Driver, containers::fakes::FakeLog>("log", "json-file");
  std::string default_runtime = "native";
};

Drivers::Drivers(DriverConfig, Workers& workers) : workers_(workers), impl_(std::make_unique<Impl>()) {}
Drivers::~Drivers() = default;
const StorageDriver& Drivers::storage() const { return impl_->storage; }
const RuntimeDriver& Drivers::runtime(const std::string& name) const {
  if (name != "native") throw Error{Errc::invalid, "unknown or invalid runtime name: " + name};
  return impl_->runtime;
}
const LogDriver& Drivers::log(const std::string& name) const {
  if (name != "json-file" && name != "none") {
    throw Error{Errc::not_found, "error looking up logging plugin " + name + ": plugin \"" + name + "\" not found"};
  }
  return impl_->log;
}
const std::string& Drivers::libexec_dir() const {
  static const std::string none;
  return none;
}
std::vector<std::string> Drivers::runtime_names() const { return {"native"}; }
const std::string& Drivers::default_runtime() const { return impl_->default_runtime; }

}  // namespace gantry::plugins

namespace gantry::images {

struct Service::Impl {
  std::shared_ptr<Image> image = std::make_shared<Image>();
};

Service::Service(state::Store&, events::Bus&, plugins::Drivers&, Workers&, std::string)
    : impl_(std::make_unique<Impl>()) {
  impl_->image->id = "sha256:" + std::string(64, '1');
}
Service::~Service() = default;
std::shared_ptr<const Image> Service::get(const std::string& reference) const {
  if (reference == "nope") throw Error{Errc::not_found, "No such image: nope:latest"};
  auto image = std::make_shared<Image>(*impl_->image);
  image->config = containers::fakes::world()->image;
  if (reference == "other" || reference == "sha256:" + std::string(64, '2'))
    image->id = "sha256:" + std::string(64, '2');
  return image;
}
awaitable<void> Service::ensure_unpacked(std::shared_ptr<const Image>) { co_return; }
void Service::set_users(std::function<std::vector<User>(const std::string&)>) {}

}  // namespace gantry::images

namespace gantry::networks {

using containers::fakes::world;

struct Service::Impl {};

Service::Service(state::Store&, events::Bus&, plugins::Drivers&, Workers&) : impl_(std::make_unique<Impl>()) {}
Service::~Service() = default;
std::shared_ptr<const Network> Service::get(const std::string& name) const {
  auto network = std::make_shared<Network>();
  network->name = network->id = name;
  return network;
}
std::vector<std::shared_ptr<const Network>> Service::list() const { return {get("bridge")}; }
awaitable<Sandbox> Service::attach(SandboxRequest request, int) {
  if (world()->network_failure) throw Error{*world()->network_failure};
  world()->sandboxes.insert(request.container_id);
  Sandbox sandbox;
  if (world()->off_networks) co_return sandbox;
  Endpoint endpoint;
  endpoint.id = "e";
  endpoint.network_name = "bridge";
  endpoint.request.network = "bridge";
  endpoint.result.ipv4 = world()->address;
  endpoint.default_gateway = true;
  sandbox.endpoints.push_back(endpoint);
  co_return sandbox;
}
awaitable<Endpoint> Service::connect(SandboxRequest, EndpointRequest, int) { co_return Endpoint{}; }
awaitable<Endpoint> Service::disconnect(std::string, std::string) { co_return Endpoint{}; }
void Service::check(const EndpointRequest&) const {}
Sandbox Service::sandbox(const std::string&) const { return {}; }
awaitable<void> Service::detach(std::string container_id) {
  world()->sandboxes.erase(container_id);
  co_return;
}
awaitable<Adoption> Service::adopt(SandboxRequest request, int netns) {
  Adoption adoption;
  adoption.sandbox = co_await attach(std::move(request), netns);
  co_return adoption;
}
std::vector<Endpoint> Service::endpoints(const std::string&) const { return {}; }
void Service::rename_container(const std::string&, const std::string&) {}
std::vector<std::string> names_on(const Endpoint& endpoint) { return {endpoint.container_name}; }
awaitable<void> Service::reconcile(std::set<std::string> /*alive*/) { co_return; }
bool Service::predefined(const std::string& name) { return name == "bridge" || name == "host" || name == "none"; }

}  // namespace gantry::networks

namespace gantry::volumes {

using containers::fakes::world;

struct Service::Impl {};

Service::Service(state::Store&, events::Bus&, plugins::Drivers&, Workers&) : impl_(std::make_unique<Impl>()) {}
Service::~Service() = default;
awaitable<Service::Found> Service::get_or_create(std::string name, std::string, std::optional<Options>,
                                                 std::map<std::string, std::string>, std::string made_for) {
  auto volume = std::make_shared<Volume>();
  volume->name = name.empty() ? "anonymous" + std::to_string(world()->volumes.size()) : name;
  volume->driver = "local";
  const bool created = world()->volumes.insert(volume->name).second;
  if (name.empty()) world()->volume_owners[volume->name] = std::move(made_for);
  Found found;
  found.volume = volume;
  found.created = created;
  co_return found;
}
awaitable<Mount> Service::acquire(std::string name, std::string container_id) {
  world()->acquired.insert(name + " " + container_id);
  Mount mount;
  mount.type = "bind";
  mount.source = "/tmp";
  co_return mount;
}
awaitable<Mount> Service::acquire(std::string name, std::string container_id, std::map<std::string, std::string>) {
  co_return co_await acquire(std::move(name), std::move(container_id));
}
awaitable<void> Service::release(std::string name, std::string container_id) {
  world()->acquired.erase(name + " " + container_id);
  co_return;
}
void Service::set_users(std::function<std::vector<std::string>(const std::string&)>) {}
void Service::set_writers(std::function<std::vector<std::string>(const std::string&)>) {}
void Service::disown(const std::string& container_id) {
  std::erase_if(world()->volume_owners, [&](const auto& entry) { return entry.second == container_id; });
}
awaitable<void> Service::remove_orphans(std::function<bool(const std::string&)> exists) {
  for (const auto& [name, owner] : std::map(world()->volume_owners)) {
    if (!exists(owner)) co_await remove_if_unused(name);
  }
}
awaitable<void> Service::remove_if_unused(std::string name) {
  world()->volume_owners.erase(name);
  world()->volumes.erase(name);
  co_return;
}

}  // namespace gantry::volumes
