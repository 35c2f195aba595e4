#include "build/session.hpp"

#include <fcntl.h>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/id.hpp"
#include "build/mount_stubs.hpp"
#include "build/step_config.hpp"
#include "containers/spec.hpp"
#include "gantry/error.hpp"
#include "images/reference.hpp"

namespace gantry::build {

namespace {

using Stream = asio::local::stream_protocol::socket;

constexpr std::size_t kPiece = std::size_t{32} << 10;

/// The registry that a client's credentials are for: Docker Hub has an address of its own there.
std::string server_of(const std::string& image) {
  const std::string host = images::parse_reference(image).repository().host;
  return host == "docker.io" ? "https://index.docker.io/v1/" : host;
}

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

Session::Session(asio::any_io_executor io, Service::Neighbours neighbours, std::shared_ptr<const BuildRequest> request,
                 images::Report report, images::Cancel cancel)
    : io_(std::move(io)),
      at_(neighbours),
      request_(std::move(request)),
      report_(std::move(report)),
      cancel_(std::move(cancel)) {}

void Session::check() const {
  if (cancel_->cancelled()) throw Error{Errc::cancelled, "context canceled"};
}

template <class Result>
Result Session::on_io(awaitable<Result> work) {
  check();
  std::future<Result> result = asio::co_spawn(io_, std::move(work), asio::use_future);
  try {
    return result.get();
  } catch (const std::future_error&) {
    throw Error{Errc::cancelled, "the daemon ends"};
  }
}

void Session::output(std::string_view text) { output(text, false); }

void Session::output(std::string_view text, bool is_error) {
  // The driver may be gone, and the session with it, before the line is shown.
  asio::post(io_, [self = shared_from_this(), line = std::string{text}, is_error] { self->show(line, is_error); });
}

void Session::report(const builder::v1::StepReport& report) {
  using Kind = builder::v1::StepReport::Kind;
  if (request_->shown == Shown::problems && report.kind != Kind::source && report.kind != Kind::warning) return;
  static constexpr std::array kinds{"started", "output", "cached", "done", "failed", "cancelled", "warning", "source"};
  wire::ProgressMessage message;
  message.id = "gantry.step";
  message.aux = nlohmann::json{
      {"Step", report.step},
      {"Kind", kinds.at(static_cast<std::size_t>(report.kind))},
      {"Text",
       report.text}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  asio::post(io_, [self = shared_from_this(), message = std::move(message)] { self->report_(message); });
}

void Session::show(std::string_view text, bool is_error) {
  if (request_->shown == Shown::steps) return;
  wire::ProgressMessage message;
  // As dockerd does, so that a terminal shows it in red.
  message.stream = is_error ? "\033[91m" + std::string{text} + "\033[0m" : std::string{text};
  report_(message);
}

awaitable<std::shared_ptr<const images::Image>> Session::find_image(std::string reference, std::string platform,
                                                                    bool pull) {
  std::shared_ptr<const images::Image> found;
  try {
    found = at_.images.get(reference);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  // An id names what is here; there is nothing to be pulled.
  const bool is_id = found != nullptr && found->id.find(reference) != std::string::npos;
  const auto fits = [&] { return platform.empty() || platform.find("/" + found->architecture) != std::string::npos; };
  if (found != nullptr && (is_id || (!pull && fits()))) co_return found;
  // Who only wants a recipe to be looked through wants nothing to be fetched for it.
  if (request_->wanted.check_only) throw Error{Errc::not_found, "No such image: " + reference};
  images::PullRequest request;
  request.image = reference;
  const images::Reference name = images::parse_reference(reference).with_default_tag();
  request.tag = name.digest.empty() ? name.tag : name.digest;
  request.platform = platform;
  if (const auto known = request_->credentials.find(server_of(reference)); known != request_->credentials.end()) {
    request.credentials = known->second;
  }
  co_await at_.images.pull(request, report_, cancel_);
  co_return at_.images.get(reference);
}

void Session::image(const std::string& reference, const std::string& platform, bool pull, builder::v1::Image& out) {
  const auto found = on_io(held(find_image(reference, platform, pull)));
  out = to_builder(*found);
  if (!request_->attest.any()) return;
  const std::lock_guard lock{mutex_};
  sources_.add(image_material(reference, *found));
}

void Session::material(const builder::v1::Material& material) {
  const std::lock_guard lock{mutex_};
  sources_.add(material);
}

void Session::recipe(const std::string& name, const std::string& text) {
  const std::lock_guard lock{mutex_};
  sources_.recipe_name = name;
  sources_.recipe = text;
}

Sources Session::sources() const {
  const std::lock_guard lock{mutex_};
  return sources_;
}

/// What the build has got stays for as long as it may need it: nobody removes it in the middle.
awaitable<std::shared_ptr<const images::Image>> Session::held(awaitable<std::shared_ptr<const images::Image>> work) {
  auto image = co_await std::move(work);
  if (image != nullptr && !over_ && !holds_.contains(image->id)) holds_[image->id] = at_.images.hold(image->id);
  co_return image;
}

bool Session::cached(const builder::v1::Step& step, builder::v1::Image& out) {
  const auto found = on_io(held(at_.images.find_step(to_build_step(step), request_->cache_from)));
  if (found == nullptr) return false;
  out = to_builder(*found);
  return true;
}

void Session::commit(const builder::v1::Step& step, builder::v1::Image& out) {
  out = to_builder(*on_io(held(at_.images.commit_step(to_build_step(step)))));
  // What is mounted over cannot be removed by a step.
  const std::lock_guard lock{mutex_};
  if (complete_.contains(step.parent)) complete_.insert(out.id);
}

std::string Session::make_tree(const std::string& image) {
  const auto make = [](Session* self, std::string id) -> awaitable<std::string> {
    std::vector<std::string> layers;
    if (!id.empty()) {
      const auto found = self->at_.images.get(id);
      co_await self->at_.images.ensure_unpacked(found);
      layers = found->chain_ids;
    }
    const std::string key = random_id();
    const plugins::CallSettings settings;
    const auto ask_to_prepare = [key, layers](auto& driver, const Call& call) {
      std::vector<Mount> mounts;
      driver.prepare(key, layers, {}, mounts, call);
      return mounts;
    };
    auto mounts = co_await self->at_.drivers.call(self->at_.drivers.storage(), Pool::quick, settings, ask_to_prepare);
    const std::lock_guard lock{self->mutex_};
    self->trees_[key] = std::move(mounts);
    co_return key;
  };
  return on_io(make(this, image));
}

std::vector<Mount> Session::tree_mounts(const std::string& tree) {
  const std::lock_guard lock{mutex_};
  const auto found = trees_.find(tree);
  if (found == trees_.end()) throw Error{Errc::not_found, "no such tree: " + tree};
  return found->second;
}

UniqueFd Session::open_tree(const std::string& tree) {
  const MountedTree mounted{tree_mounts(tree)};
  UniqueFd root{::openat(mounted.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root) throw_errno("cannot open a tree");
  return root;
}

awaitable<void> Session::forget_tree(std::string tree) {
  {
    const std::lock_guard lock{mutex_};
    if (trees_.erase(tree) == 0) co_return;
  }
  const plugins::CallSettings settings;
  const auto ask_to_remove = [tree](auto& driver, const Call& call) { driver.remove(tree, call); };
  co_await at_.drivers.call(at_.drivers.storage(), Pool::quick, settings, ask_to_remove);
}

void Session::remove_tree(const std::string& tree) {
  // Not `on_io`: it goes also when the build is cancelled.
  asio::co_spawn(io_, forget_tree(tree), asio::use_future).get();
}

awaitable<void> Session::clean() {
  // A driver that was given up may still talk; nobody listens.
  report_ = [](const wire::ProgressMessage&) {};
  for (const auto& agent : agents_) agent->stop();
  agents_.clear();
  over_ = true;
  for (;;) {
    std::string tree;
    {
      const std::lock_guard lock{mutex_};
      if (trees_.empty()) break;
      tree = trees_.begin()->first;
    }
    co_await forget_tree(tree);
  }
  // The trees stand on the images that were held.
  holds_.clear();
}

void* Session::query(std::string_view service) noexcept {
  if (service == Steps::kService) return static_cast<Steps*>(this);
  if (service == Loans::kService && request_->loan != nullptr) return static_cast<Loans*>(this);
  if (service == Origins::kService && request_->attest.any()) return static_cast<Origins*>(this);
  if (service == Display::kService && request_->shown != Shown::none) return static_cast<Display*>(this);
  return nullptr;
}

bool Session::secret(const std::string& id, std::string& out) {
  // Nobody changes the loan while the build runs.
  const auto found = request_->loan->secrets.find(id);
  if (found == request_->loan->secrets.end()) return false;
  out = found->second;
  return true;
}

bool Session::serve_agent(const std::string& id, int listener) {
  const auto found = request_->loan->agents.find(id);
  if (found == request_->loan->agents.end()) return false;
  const auto serve = [](Session* self, int socket, std::shared_ptr<AgentLine> line) -> awaitable<void> {
    UniqueFd own{::fcntl(socket, F_DUPFD_CLOEXEC, 0)};
    if (!own) throw_errno("cannot serve an agent");
    const auto server = std::make_shared<AgentServer>(self->io_, std::move(own), std::move(line));
    self->agents_.push_back(server);
    server->start();
    co_return;
  };
  on_io(serve(this, listener, found->second));
  return true;
}

/// A Dockerfile may be a stranger's: by itself it does not reach what listens on the host's loopback.
void Session::set_network(const std::string& wanted, wire::HostConfig& config) const {
  if (wanted == "host" && !request_->host_network && config.network_mode != "host") {
    throw Error{Errc::denied,
                "granting entitlement network.host is not allowed by the client: use --allow network.host"};
  }
  config.network_mode = wanted;
}

std::string Session::create_container(const builder::v1::ContainerSpec& spec) {
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
  const std::string id = on_io(at_.containers.create(std::move(request))).id;
  if (!spec.secret_env.empty()) {
    const auto lend = [](containers::Service* service, std::string container,
                         std::vector<std::string> env) -> awaitable<void> {
      service->lend_environment(container, std::move(env));
      co_return;
    };
    on_io(lend(&at_.containers, id, spec.secret_env));
  }
  const std::lock_guard lock{mutex_};
  prepared_[id] = {spec.image, std::move(targets)};
  return id;
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
    }
  }
}

awaitable<int> Session::run_container(std::string id, builder::v1::Output* output) {
  const auto attachment = co_await at_.containers.attach(id);
  const auto waiter = at_.containers.wait(id, containers::WaitCondition::next_exit);
  co_await at_.containers.start(id);
  UniqueFd socket = co_await attachment->socket();
  co_await show_output(std::move(socket), output);
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
  if (targets.empty()) return run_to_end(container, output);
  const auto mounts = on_io(at_.containers.tree(container));
  const MountStubs stubs = [&] {
    const MountedTree before(mounts);
    return MountStubs{before.fd(), targets};
  }();
  if (stubs.empty()) {
    const std::lock_guard lock{mutex_};
    complete_.insert(image);
  }
  const int code = run_to_end(container, output);
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
    stopped_.insert(container);
  }
  asio::co_spawn(io_, kill(container), asio::use_future).get();
}

int Session::run_to_end(const std::string& container, builder::v1::Output& output) {
  const auto listener = cancel_->listen([&, this] { asio::co_spawn(io_, kill(container), [](std::exception_ptr) {}); });
  std::exception_ptr failure;
  int code = 0;
  try {
    code = on_io(run_container(container, &output));
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

void Session::remove_container(const std::string& container) {
  const auto remove = [](containers::Service* service, std::string id) -> awaitable<void> {
    containers::RemoveRequest request;
    request.force = true;
    request.volumes = true;
    try {
      co_await service->remove(id, request);
    } catch (const Error& error) {
      if (error.code() != Errc::not_found) throw;
    }
  };
  asio::co_spawn(io_, remove(&at_.containers, container), asio::use_future).get();
}

}  // namespace gantry::build
