#include "isolated/session.hpp"

#include "isolated/builder_structs.hpp"
#include "isolated/command_output.hpp"
#include "isolated/methods.hpp"

namespace gantry::isolated {
namespace {

using builder::v1::ContainerSpec;
using builder::v1::Devices;
using builder::v1::Display;
using builder::v1::Grafts;
using builder::v1::Image;
using builder::v1::Loans;
using builder::v1::Material;
using builder::v1::Origins;
using builder::v1::Session;
using builder::v1::Step;
using builder::v1::StepReport;
using builder::v1::Steps;
using builder::v1::Trace;
using builder::v1::TracedStep;

template <class Service>
Service& service_of(Session& session) {
  if (auto* service = static_cast<Service*>(session.query(Service::kService))) return *service;
  throw Error{Errc::unsupported, std::string{"this build has no "} + Service::kService};
}

// What a session does, as far as its methods' parameters cannot travel or are those of a service.

/// The driver has its answer when there is room for more: else what it shows would lie in the daemon.
void await_room(Session& session) {
  if (auto* far = dynamic_cast<FarSession*>(&session)) far->await_room();
}

void show(Session& session, const std::string& text) {
  session.output(text);
  await_room(session);
}

void open_tree(Session& session, const std::string& tree, ReturnedFd& out) { out.fd = session.open_tree(tree); }

void show_step(Session& session, const std::string& text, bool is_error) {
  service_of<Steps>(session).output(text, is_error);
  await_room(session);
}

int run_step(Session& session, const std::string& container, FdTaker& output) {
  if (auto* far = dynamic_cast<FarSession*>(&session)) return far->run(container, output);
  throw Error{Errc::unsupported, "this build's commands cannot be heard from afar"};
}

void stop_step(Session& session, const std::string& container) { service_of<Steps>(session).stop(container); }

bool find_secret(Session& session, const std::string& id, std::string& out) {
  return service_of<Loans>(session).secret(id, out);
}

bool serve_agent(Session& session, const std::string& id, const PassedFd& listener) {
  return service_of<Loans>(session).serve_agent(id, listener.fd);
}

void report_step(Session& session, const StepReport& report) {
  service_of<Display>(session).report(report);
  await_room(session);
}

void tell_material(Session& session, const Material& material) { service_of<Origins>(session).material(material); }

void tell_recipe(Session& session, const std::string& name, const std::string& text) {
  service_of<Origins>(session).recipe(name, text);
}

void trace_step(Session& session, const TracedStep& step) { service_of<Trace>(session).step(step); }

bool graft_step(Session& session, const Step& step, Image& out) {
  return service_of<Grafts>(session).grafted(step, out);
}

void list_devices(Session& session, std::vector<std::string>& out) { service_of<Devices>(session).known(out); }

std::string create_with(Session& session, const ContainerSpec& spec, const std::vector<std::string>& devices) {
  return service_of<Devices>(session).create_with(spec, devices);
}

constexpr auto kRun = static_cast<int (Session::*)(const std::string&)>(&Session::run);

using SessionMethods =
    MethodList<Session, &show, &Session::image, &Session::cached, &Session::commit, &Session::make_tree, &open_tree,
               &Session::remove_tree, &Session::create_container, kRun, &Session::remove_container, &show_step,
               &run_step, &stop_step, &find_secret, &serve_agent, &report_step, &tell_material, &tell_recipe,
               &trace_step, &graft_step, &list_devices, &create_with>;

template <auto Method, class... A>
decltype(auto) call_back(CallbackLink& link, Beside* beside, A&&... arguments) {
  CallbackPeer peer{link, beside};
  return Shape<decltype(Method)>::call(peer, SessionMethods::index<Method>(), std::forward<A>(arguments)...);
}

}  // namespace

std::vector<std::string> services_of(Session& session) {
  std::vector<std::string> out;
  for (const char* name :
       {Loans::kService, Display::kService, Origins::kService, Trace::kService, Grafts::kService, Devices::kService}) {
    if (session.query(name) != nullptr) out.emplace_back(name);
  }
  const bool has_steps = session.query(Steps::kService) != nullptr;
  if (has_steps && dynamic_cast<FarSession*>(&session) != nullptr) out.emplace_back(Steps::kService);
  return out;
}

/// One that is under way. Its end comes before its answer, so that a driver that has all its answers has no question.
class ServedSession::Question {
 public:
  explicit Question(ServedSession& session) : session_(session) {
    const std::scoped_lock guard{session_.mutex_};
    if (session_.ended_) throw BrokenLink{"the driver has returned"};
    ++session_.questions_;
  }
  ~Question() {
    const std::scoped_lock guard{session_.mutex_};
    --session_.questions_;
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

 private:
  ServedSession& session_;
};

Json ServedSession::answer(Line& line, Frame& frame, std::vector<UniqueFd>& given) {
  if (frame.type != FrameType::call) throw Nonsense{"a call was expected"};
  const Question question{*this};
  Incoming incoming{line, frame};
  Json answer = SessionMethods::serve(&session_, incoming.method(), incoming);
  given = incoming.take_given();
  return answer;
}

Error ServedSession::translate() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return Error{error.code(), error.what()};
  } catch (const std::exception& error) {
    return Error{Errc::internal, error.what()};
  } catch (...) {
    return Error{Errc::internal, "unknown"};
  }
}

void ServedSession::distrust(const std::string& why) noexcept {
  // The call fails as its process ends: under the lock, so that this is the first reason.
  const std::scoped_lock guard{mutex_};
  try {
    if (lost_.empty()) end_trust_(why);
  } catch (const std::exception& error) {
    lose(error.what());
  }
}

bool ServedSession::end() {
  const std::scoped_lock guard{mutex_};
  ended_ = true;
  return questions_ == 0;
}

std::string ServedSession::abandon(const std::string& why) {
  const std::scoped_lock guard{mutex_};
  if (lost_.empty()) lose(why);
  return lost_;
}

void ServedSession::lose(const std::string& why) {
  lost_ = why;
  if (auto* far = dynamic_cast<FarSession*>(&session_)) far->abandon(why);
}

template <auto Method, class... A>
decltype(auto) SessionProxy::invoke(A&&... arguments) {
  return call_back<Method>(link_, nullptr, std::forward<A>(arguments)...);
}

/// What needs no answer: if nobody listens any more, the driver learns of it by its next question.
template <auto Method, class... A>
void SessionProxy::tell(A&&... arguments) {
  try {
    invoke<Method>(std::forward<A>(arguments)...);
  } catch (const Error& error) {
    if (error.code() != Errc::cancelled) throw;
  }
}

void* SessionProxy::query(std::string_view service) noexcept {
  if (!services_.contains(service)) return nullptr;
  if (service == Steps::kService) return static_cast<Steps*>(this);
  if (service == Loans::kService) return static_cast<Loans*>(this);
  if (service == Display::kService) return static_cast<Display*>(this);
  if (service == Origins::kService) return static_cast<Origins*>(this);
  if (service == Trace::kService) return static_cast<Trace*>(this);
  if (service == Grafts::kService) return static_cast<Grafts*>(this);
  return service == Devices::kService ? static_cast<Devices*>(this) : nullptr;
}

void SessionProxy::output(std::string_view text) { tell<&show>(std::string{text}); }

void SessionProxy::image(const std::string& reference, const std::string& platform, bool pull, Image& out) {
  invoke<&Session::image>(reference, platform, pull, out);
}

bool SessionProxy::cached(const Step& step, Image& out) { return invoke<&Session::cached>(step, out); }

void SessionProxy::commit(const Step& step, Image& out) { invoke<&Session::commit>(step, out); }

std::string SessionProxy::make_tree(const std::string& image) { return invoke<&Session::make_tree>(image); }

UniqueFd SessionProxy::open_tree(const std::string& tree) {
  ReturnedFd root;
  invoke<&isolated::open_tree>(tree, root);
  return std::move(root.fd);
}

void SessionProxy::remove_tree(const std::string& tree) { invoke<&Session::remove_tree>(tree); }

std::string SessionProxy::create_container(const ContainerSpec& spec) {
  return invoke<&Session::create_container>(spec);
}

int SessionProxy::run(const std::string& container) { return invoke<kRun>(container); }

void SessionProxy::remove_container(const std::string& container) { invoke<&Session::remove_container>(container); }

void SessionProxy::output(std::string_view text, bool is_error) { tell<&show_step>(std::string{text}, is_error); }

int SessionProxy::run(const std::string& container, builder::v1::Output& output) {
  CommandOutput said{output};
  FdTaker& taker = said;
  const int code = call_back<&run_step>(link_, &said.beside(), container, taker);
  said.finish();
  return code;
}

void SessionProxy::stop(const std::string& container) { invoke<&stop_step>(container); }

bool SessionProxy::secret(const std::string& id, std::string& out) { return invoke<&find_secret>(id, out); }

bool SessionProxy::serve_agent(const std::string& id, int listener) {
  return invoke<&isolated::serve_agent>(id, PassedFd{listener});
}

void SessionProxy::report(const StepReport& report) { tell<&report_step>(report); }

void SessionProxy::material(const Material& material) { tell<&tell_material>(material); }

void SessionProxy::recipe(const std::string& name, const std::string& text) { tell<&tell_recipe>(name, text); }

void SessionProxy::known(std::vector<std::string>& out) { invoke<&list_devices>(out); }

std::string SessionProxy::create_with(const ContainerSpec& spec, const std::vector<std::string>& names) {
  return invoke<&isolated::create_with>(spec, names);
}

bool SessionProxy::grafted(const Step& step, Image& out) { return invoke<&graft_step>(step, out); }

void SessionProxy::step(const TracedStep& step) { tell<&trace_step>(step); }

}  // namespace gantry::isolated
