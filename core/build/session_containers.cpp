#include <spdlog/spdlog.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>

#include "build/mount_stubs.hpp"
#include "build/session_io.hpp"
#include "containers/cdi.hpp"
#include "containers/spec.hpp"

namespace gantry::build {
namespace {

using Stream = asio::local::stream_protocol::socket;

constexpr std::size_t kPiece = std::size_t{32} << 10;

wire::MountRequest mount_request(const Mount& mount) {
  wire::MountRequest out;
  out.target = mount.target;
  out.type = mount.type;
  if (mount.type == "bind") {
    out.source = mount.source;
    // The builder's own: caches and contexts, with the ids of the steps that wrote them.
    out.bind.emplace();
    out.bind->id_map = true;
  }
  for (const std::string& option : mount.options) {
    if (option == "ro") out.read_only = true;
    if (option.starts_with("size=")) {
      out.tmpfs.emplace();
      out.tmpfs->size_bytes = static_cast<std::int64_t>(containers::parse_bytes(option.substr(5), "size"));
    }
  }
  return out;
}

}  // namespace

/// A Dockerfile may be a stranger's: by itself it does not reach what listens on the host's loopback.
void Session::set_network(const std::string& wanted, wire::HostConfig& config) const {
  if (wanted == "host" && !request_->host_network && config.network_mode != "host") {
    throw Error{Errc::denied,
                "granting entitlement network.host is not allowed by the client: use --allow network.host"};
  }
  config.network_mode = wanted;
}

void Session::known(std::vector<std::string>& out) {
  out = containers::all_cdi_names(at_.containers.settings().cdi_spec_dirs);
}

std::string Session::create_container(const builder::v1::ContainerSpec& spec) { return create_with(spec, {}); }

std::string Session::create_with(const builder::v1::ContainerSpec& spec, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto& allowed = request_->devices;
    if (request_->all_devices || allowed.contains(name) || allowed.contains(name.substr(0, name.find('=')))) continue;
    throw Error{Errc::denied, "granting entitlement device=" + name +
                                  " is not allowed by the client: use --allow device=" + name + ", or --allow device"};
  }
  containers::CreateRequest request;
  request.passing = true;
  wire::ContainerConfig& config = request.body.config;
  config.image = spec.image;
  config.user = spec.config.user;
  config.env = spec.config.env;
  config.working_dir = spec.config.working_dir;
  config.labels = spec.config.labels;
  config.shell = spec.config.shell;
  config.cmd = spec.config.cmd;
  config.entrypoint = spec.config.entrypoint.empty() ? std::vector<std::string>{""} : spec.config.entrypoint;
  config.healthcheck.emplace();
  config.healthcheck->test = {"NONE"};
  config.attach_stdout = config.attach_stderr = true;
  config.volumes = {spec.config.volumes.begin(), spec.config.volumes.end()};
  request.body.host_config = request_->host_config;
  request.body.host_config.log_config.type = "none";
  if (!spec.network.empty()) set_network(spec.network, request.body.host_config);
  for (const Mount& mount : spec.mounts) request.body.host_config.mounts.push_back(mount_request(mount));
  std::vector<std::string> targets;
  for (const Mount& mount : spec.mounts) targets.push_back(mount.target);
  request.body.host_config.privileged = request.body.host_config.privileged || spec.privileged;
  if (!names.empty()) {
    wire::DeviceRequest devices;
    devices.driver = "cdi";
    devices.device_ids = names;
    request.body.host_config.resources.device_requests.push_back(std::move(devices));
  }
  Prepared prepared{spec.image, std::move(targets)};
  return on_io(make_container(std::move(request), std::move(prepared), spec.secret_env));
}

awaitable<std::string> Session::make_container(containers::CreateRequest request, Prepared prepared,
                                               std::vector<std::string> secret_env) {
  const auto made = co_await at_.containers.create(std::move(request));
  {
    const std::lock_guard lock{mutex_};
    containers_.insert(made.id);
    prepared_[made.id] = std::move(prepared);
  }
  if (!secret_env.empty()) at_.containers.lend_environment(made.id, std::move(secret_env));
  co_return made.id;
}

void Session::check_container(const std::string& id) const {
  const std::lock_guard lock{mutex_};
  if (!containers_.contains(id)) throw Error{Errc::not_found, "no such container of this build: " + id};
}

awaitable<void> Session::show_output(UniqueFd socket, builder::v1::Output* output) {
  if (!socket) co_return;
  Stream stream{io_, asio::local::stream_protocol{}, socket.release()};
  std::array<unsigned char, 8> header{};
  std::string piece;
  for (;;) {
    boost::system::error_code failed;
    co_await asio::async_read(stream, asio::buffer(header), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    std::size_t left = std::size_t{header[4]} << 24 | std::size_t{header[5]} << 16 | std::size_t{header[6]} << 8 |
                       std::size_t{header[7]};
    while (left > 0) {
      piece.resize(std::min(left, kPiece));
      co_await asio::async_read(stream, asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return;
      left -= piece.size();
      output->write(piece, header[0] == 2);
      // The driver may not wait here; the command may.
      co_await backlog_->room();
    }
  }
}

awaitable<int> Session::run_container(std::string id, Listening listening) {
  const auto attachment = co_await at_.containers.attach(id);
  const auto waiter = at_.containers.wait(id, containers::WaitCondition::next_exit);
  co_await at_.containers.start(id);
  // Whoever cancelled meanwhile found nothing to end.
  if (cancel_->cancelled()) co_await kill(id);
  UniqueFd socket = co_await attachment->socket();
  co_await listening(std::move(socket));
  const containers::WaitResult result = co_await waiter->result();
  co_return result.exit_code;
}

namespace {

/// What a command says goes to the user as it comes.
class ShownOutput final : public builder::v1::Output {
 public:
  explicit ShownOutput(Session& session) : session_(session) {}
  void write(std::string_view text, bool is_error) override { session_.output(text, is_error); }

 private:
  Session& session_;
};

}  // namespace

int Session::run(const std::string& container) {
  ShownOutput output{*this};
  return run(container, output);
}

int Session::run(const std::string& container, builder::v1::Output& output) {
  return run_listened(container, [&](UniqueFd socket) { return show_output(std::move(socket), &output); });
}

int Session::run(const std::string& container, FdTaker& output) {
  const auto hand_out = [](UniqueFd socket, FdTaker* taker) -> awaitable<void> {
    if (socket) taker->take(std::move(socket));
    co_return;
  };
  return run_listened(container, [&](UniqueFd socket) { return hand_out(std::move(socket), &output); });
}

int Session::run_listened(const std::string& container, const Listening& listening) {
  check_container(container);
  std::string image;
  std::vector<std::string> targets;
  {
    const std::lock_guard lock{mutex_};
    auto prepared = prepared_.extract(container);
    if (!prepared.empty()) {
      image = prepared.mapped().image;
      targets = std::move(prepared.mapped().targets);
      if (!complete_.contains(image)) {
        targets.insert(targets.end(), usual_mount_targets().begin(), usual_mount_targets().end());
      }
    }
  }
  if (targets.empty()) return run_to_end(container, listening);
  const auto mounts = on_io(at_.containers.tree(container));
  const MountStubs stubs = [&] {
    const MountedTree before(mounts);
    return MountStubs{before.fd(), targets};
  }();
  if (stubs.empty()) {
    const std::lock_guard lock{mutex_};
    complete_.insert(image);
  }
  const int code = run_to_end(container, listening);
  if (!stubs.empty()) stubs.remove(MountedTree(mounts).fd());
  return code;
}

awaitable<void> Session::kill(std::string id) {
  try {
    co_await at_.containers.kill(id, "KILL");
  } catch (const Error&) {
    // It has ended, or has not begun: then `start` is what is cancelled next.
  }
}

void Session::stop(const std::string& container) {
  {
    const std::lock_guard lock{mutex_};
    if (!containers_.contains(container)) return;
    stopped_.insert(container);
  }
  asio::co_spawn(io_, kill(container), asio::use_future).get();
}

int Session::run_to_end(const std::string& container, const Listening& listening) {
  const auto listener = cancel_->listen([&, this] { asio::co_spawn(io_, kill(container), [](std::exception_ptr) {}); });
  std::exception_ptr failure;
  int code = 0;
  try {
    code = on_io(run_container(container, listening));
  } catch (...) {
    failure = std::current_exception();
  }
  cancel_->forget(listener);
  if (failure) std::rethrow_exception(failure);
  if (cancel_->cancelled()) throw Error{Errc::cancelled, "context canceled"};
  const std::lock_guard lock{mutex_};
  // The code of a command that was ended is nobody's.
  if (code != 0 && !stopped_.contains(container)) exit_code_ = code;
  return code;
}

awaitable<void> Session::forget_container(std::string id) {
  {
    const std::lock_guard lock{mutex_};
    if (!containers_.contains(id)) co_return;
  }
  containers::RemoveRequest request;
  request.force = true;
  request.volumes = true;
  try {
    co_await at_.containers.remove(id, request);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  const std::lock_guard lock{mutex_};
  containers_.erase(id);
}

void Session::remove_container(const std::string& container) {
  asio::co_spawn(io_, forget_container(container), asio::use_future).get();
}

/// What one cannot be removed for keeps none of the others.
awaitable<void> Session::forget_containers() {
  std::set<std::string> left;
  {
    const std::lock_guard lock{mutex_};
    left = containers_;
  }
  for (const std::string& container : left) {
    try {
      co_await forget_container(container);
    } catch (const Error& error) {
      spdlog::warn("a build's container cannot be removed: {}", error.what());
    }
  }
}

}  // namespace gantry::build
