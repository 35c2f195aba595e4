#include "build/session.hpp"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "build/command_failed.hpp"
#include "build/session_io.hpp"
#include "build/step_config.hpp"
#include "gantry/error.hpp"
#include "images/reference.hpp"

namespace gantry::build {

namespace {

/// Those that are served at once: each costs a thread.
constexpr std::size_t kMostAgents = 256;

/// The registry that a client's credentials are for: Docker Hub has an address of its own there.
std::string server_of(const std::string& image) {
  const std::string host = images::parse_reference(image).repository().host;
  return host == "docker.io" ? "https://index.docker.io/v1/" : host;
}

}  // namespace

Session::Session(asio::any_io_executor io, Service::Neighbours neighbours, std::shared_ptr<const BuildRequest> request,
                 images::Report report, images::Cancel cancel)
    : io_(std::move(io)),
      at_(neighbours),
      request_(std::move(request)),
      report_(std::move(report)),
      cancel_(std::move(cancel)),
      backlog_(request_->backlog ? request_->backlog : std::make_shared<Backlog>(io_)),
      answered_(io_, asio::steady_timer::time_point::max()) {
  cancel_->listen([backlog = backlog_] { backlog->end(); });
}

void Session::check() const {
  if (cancel_->cancelled()) throw Error{Errc::cancelled, "context canceled"};
}

void Session::output(std::string_view text) { output(text, false); }

void Session::output(std::string_view text, bool is_error) {
  if (request_->shown == Shown::steps) return;
  wire::ProgressMessage message;
  // As dockerd does, so that a terminal shows it in red.
  message.stream = is_error ? "\033[91m" + std::string{text} + "\033[0m" : std::string{text};
  show(std::move(message));
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
  show(std::move(message));
}

void Session::show(wire::ProgressMessage message) {
  auto held = backlog_->hold(message.stream.size() + message.aux.size());
  // The driver may be gone, and the session with it, before the line is shown.
  asio::post(io_, [self = shared_from_this(), message = std::move(message), held = std::move(held)] {
    self->report_(message);
  });
}

namespace {

/// Whether an image was found by the start of its id.
bool is_found_by_id(const images::Image& found, const std::string& reference) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (found.id.starts_with(reference)) return true;
  if (!std::string_view{found.id}.substr(kAlgorithm.size()).starts_with(reference)) return false;
  const std::string name = images::parse_reference(reference).with_default_tag().str();
  return std::find(found.names.begin(), found.names.end(), name) == found.names.end();
}

/// Fewer digits may as well be a word, like the "b" of a stage that comes later.
constexpr std::size_t kLeastIdDigits = 7;

}  // namespace

awaitable<std::shared_ptr<const images::Image>> Session::find_image(std::string reference, std::string platform,
                                                                    bool pull) {
  std::shared_ptr<const images::Image> found;
  try {
    found = at_.images.get(reference);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  // An id names what is here; there is nothing to be pulled.
  const bool is_id = found != nullptr && is_found_by_id(*found, reference);
  if (is_id && reference.size() < kLeastIdDigits) found = nullptr;
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
  sources_.trace.add_source(found->id, image_identifier(reference, *found));
}

void Session::step(const builder::v1::TracedStep& step) {
  const std::lock_guard lock{mutex_};
  sources_.trace.add(step);
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

std::vector<std::string> Session::last_steps() const {
  std::vector<std::string> out;
  std::set_difference(steps_.begin(), steps_.end(), parents_.begin(), parents_.end(), std::back_inserter(out));
  return out;
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

/// The config of each step has the history of all before it, and stays in memory as long as the step is kept: a few
/// kilobytes of a recipe would be gigabytes.
awaitable<std::shared_ptr<const images::Image>> Session::counted(awaitable<std::shared_ptr<const images::Image>> work,
                                                                 std::string parent) {
  constexpr std::size_t kMost = std::size_t{128} << 20;
  auto image = co_await held(std::move(work));
  if (image == nullptr) co_return image;
  // A step that changes nothing is its own parent.
  if (parent != image->id) parents_.insert(std::move(parent));
  if (!steps_.insert(image->id).second) co_return image;
  steps_size_ += image->config_json.size();
  if (steps_size_ > kMost) {
    throw Error{
        Errc::exhausted,
        "the images of the build's steps have more than 128 MiB of settings and history: use fewer steps, fewer "
        "stages, and shorter commands, variables and labels"};
  }
  co_return image;
}

images::BuildStep Session::build_step(const builder::v1::Step& step) const {
  images::BuildStep out = to_build_step(step);
  out.platform = request_->wanted.platform;
  return out;
}

bool Session::cached(const builder::v1::Step& step, builder::v1::Image& out) {
  const auto found = on_io(counted(at_.images.find_step(build_step(step), request_->cache_from), step.parent));
  if (found == nullptr) return false;
  out = to_builder(*found);
  return true;
}

bool Session::grafted(const builder::v1::Step& step, builder::v1::Image& out) {
  if (cached(step, out)) return true;
  const auto made = on_io(counted(at_.images.graft_step(build_step(step)), step.parent));
  if (made == nullptr) return false;
  out = to_builder(*made);
  return true;
}

void Session::commit(const builder::v1::Step& step, builder::v1::Image& out) {
  if (!step.top.empty()) check_top(step.top);
  images::BuildStep wanted = build_step(step);
  wanted.alone = !step.parent.empty() && is_bare(step.top);
  out = to_builder(*on_io(counted(at_.images.commit_step(std::move(wanted)), step.parent)));
  // What is mounted over cannot be removed by a step.
  const std::lock_guard lock{mutex_};
  if (complete_.contains(step.parent)) complete_.insert(out.id);
}

void Session::check_top(const std::string& key) const {
  const std::lock_guard lock{mutex_};
  if (!trees_.contains(key) && !containers_.contains(key)) {
    throw Error{Errc::not_found, "no such tree or container of this build: " + key};
  }
}

bool Session::is_bare(const std::string& tree) const {
  const std::lock_guard lock{mutex_};
  return bare_trees_.contains(tree);
}

awaitable<void> Session::await_questions() {
  while (questions_ > 0) {
    boost::system::error_code woken;
    co_await answered_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

awaitable<void> Session::clean() {
  // A driver that was given up may still talk; nobody listens.
  report_ = [](const wire::ProgressMessage&) {};
  for (const auto& agent : agents_) agent->stop();
  agents_.clear();
  over_ = true;
  // A layer is not to be made of a tree that goes away, nor is a tree to come when all are gone.
  co_await await_questions();
  co_await forget_trees();
  if (is_abandoned()) co_await forget_containers();
  // The trees stand on the images that were held.
  holds_.clear();
}

void Session::abandon(const std::string& why) {
  {
    const std::lock_guard lock{mutex_};
    if (abandoned_.empty()) abandoned_ = why;
  }
  cancel_->cancel();
}

bool Session::is_abandoned() const {
  const std::lock_guard lock{mutex_};
  return !abandoned_.empty();
}

std::exception_ptr Session::failure(const Error& error) const {
  const std::lock_guard lock{mutex_};
  // What became of a call that was cancelled on that account says less.
  if (!abandoned_.empty()) return std::make_exception_ptr(Error{Errc::unavailable, abandoned_});
  if (exit_code_ != 0) return std::make_exception_ptr(CommandFailed{error, exit_code_});
  return std::make_exception_ptr(error);
}

void* Session::query(std::string_view service) noexcept {
  if (service == Steps::kService) return static_cast<Steps*>(this);
  if (service == Grafts::kService) return static_cast<Grafts*>(this);
  if (service == Devices::kService) return static_cast<Devices*>(this);
  if (service == Loans::kService && request_->loan != nullptr) return static_cast<Loans*>(this);
  if (service == Origins::kService && request_->attest.any()) return static_cast<Origins*>(this);
  const bool wants_all = request_->attest.provenance == Attest::Provenance::max;
  if (service == Trace::kService && wants_all) return static_cast<Trace*>(this);
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

/// Those of steps that are over: a build may have any number of them.
void Session::forget_ended_agents() {
  std::erase_if(agents_, [](const auto& agent) {
    if (agent->ended()) agent->stop();
    return agent->ended();
  });
}

bool Session::serve_agent(const std::string& id, int listener) {
  const auto found = request_->loan->agents.find(id);
  if (found == request_->loan->agents.end()) return false;
  const auto serve = [](Session* self, int socket, std::shared_ptr<AgentLine> line) -> awaitable<void> {
    self->forget_ended_agents();
    if (self->agents_.size() == kMostAgents) {
      throw Error{Errc::exhausted,
                  "a build may have no more than " + std::to_string(kMostAgents) + " agents served at once"};
    }
    UniqueFd own{::fcntl(socket, F_DUPFD_CLOEXEC, 0)};
    if (!own) throw_errno("cannot serve an agent");
    const auto server = std::make_shared<AgentServer>(self->io_, std::move(own), std::move(line));
    server->start();
    self->agents_.push_back(server);
    co_return;
  };
  on_io(serve(this, listener, found->second));
  return true;
}

}  // namespace gantry::build
