#include <boost/asio/detached.hpp>
#include <chrono>

#include "base/id.hpp"
#include "containers/failure.hpp"
#include "containers/impl.hpp"
#include "containers/spec.hpp"

namespace gantry::containers {

namespace {

struct Started {
  runtime::v1::Running running;
  runtime::v1::Streams streams;
};

void wake_those_who_await_the_start(Exec& exec) {
  for (const auto& timer : exec.awaiting_start) timer->cancel();
  exec.awaiting_start.clear();
}

// As dockerd joins a program with its arguments, be there any or not.
std::string joined(const std::vector<std::string>& words) {
  std::string text = words.empty() ? "" : words.front() + " ";
  for (std::size_t at = 1; at < words.size(); ++at) text += (at > 1 ? " " : "") + words[at];
  return text;
}

// `shown`: dockerd names it when an exec is made, and has its id for one that is.
void check_runs(const Container& container, const std::string& shown) {
  if (container.state == State::paused) {
    throw Error{Errc::conflict, "Container " + shown + " is paused, unpause the container before exec"};
  }
  if (container.state == State::restarting) {
    throw Error{Errc::conflict, "Container " + container.id + " is restarting, wait until the container is running"};
  }
  if (container.state != State::running) throw Error{Errc::conflict, "container " + container.id + " is not running"};
}

awaitable<void> watch_exec(Service::Impl* self, std::shared_ptr<Exec> exec, UniqueFd exit_fd) {
  boost::system::error_code failed;
  asio::posix::stream_descriptor descriptor{self->executor, exit_fd.release()};
  co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return;
  const std::string id = exec->container_id;
  const std::string exec_id = exec->id;
  int code = 255;
  const auto container = self->table.find(id);
  if (container) {
    try {
      plugins::CallSettings call_settings;
      const auto ask_status = [id, exec_id](auto& driver, const Call& call) {
        runtime::v1::ExitStatus status;
        driver.exit_status(id, exec_id, status, call);
        return status.code;
      };
      code = co_await self->at.drivers.call(self->runtime_of(*container), Pool::quick, call_settings, ask_status);
    } catch (const Error&) {
      code = 137;  // the container ended and took it along
    }
  }
  exec->running = false;
  self->settle_exec(*exec, code);
  if (container) self->publish("exec_die", *container, {{"execID", exec_id}, {"exitCode", std::to_string(code)}});
}

}  // namespace

awaitable<std::string> Service::create_exec(std::string name, ExecRequest request) {
  const auto container = impl_->find(name);
  check_runs(*container, container->name);
  if (request.cmd.empty()) throw Error{Errc::invalid, "No exec command specified"};
  co_return impl_->create_exec(*container, std::move(request))->id;
}

std::shared_ptr<Exec> Service::Impl::create_exec(const Container& container, ExecRequest request) {
  auto exec = std::make_shared<Exec>(executor);
  exec->id = random_id();
  exec->container_id = container.id;
  exec->request = std::move(request);
  execs[exec->id] = exec;
  publish("exec_create: " + joined(exec->request.cmd), container, {{"execID", exec->id}});
  return exec;
}

void Service::check_exec(const std::string& exec_id) const {
  const auto exec = find_exec(exec_id);
  const auto container = impl_->table.find(exec->container_id);
  if (!container) throw Error{Errc::not_found, "No such container: " + exec->container_id};
  check_runs(*container, container->id);
}

awaitable<UniqueFd> Service::start_exec(std::string exec_id, ExecStart start) {
  check_exec(exec_id);
  const auto exec = impl_->execs.find(exec_id)->second;
  if (exec->exit_code) throw Error{Errc::conflict, "Error: Exec command " + exec_id + " has already run"};
  if (exec->started) throw Error{Errc::conflict, "Error: Exec command " + exec_id + " is already running"};
  co_return co_await impl_->start_exec(exec, std::move(start));
}

void Service::Impl::forget_exec(const std::string& exec_id) {
  execs.erase(exec_id);
  std::erase(ended_execs, exec_id);
}

/// Who asks for an exec's end asks soon: of those that ended only the newest are kept, and nothing large of them.
void Service::Impl::settle_exec(Exec& exec, int code) {
  constexpr std::size_t most = 1024;
  exec.exit_code = code;
  exec.request.env.clear();
  exec.ended.cancel();
  if (execs.contains(exec.id)) ended_execs.push_back(exec.id);
  while (ended_execs.size() > most) {
    execs.erase(ended_execs.front());
    ended_execs.pop_front();
  }
}

awaitable<UniqueFd> Service::Impl::start_exec(std::shared_ptr<Exec> exec, ExecStart start) {
  const auto container = table.find(exec->container_id);
  const std::string exec_id = exec->id;
  exec->started = true;
  ExecRequest request = exec->request;
  if (start.console_size.size() == 2) request.console_size = start.console_size;
  if (start.detach) request.attach_stdin = request.attach_stdout = request.attach_stderr = false;
  runtime::v1::ExecSpec spec;
  spec.exec_id = exec_id;
  spec.process = build_exec_process(*container, request, settings);
  spec.attach_stdin = request.attach_stdin;
  spec.attach_stdout = request.attach_stdout;
  spec.attach_stderr = request.attach_stderr;
  spec.privileged = request.privileged;
  const std::string id = container->id;
  publish("exec_start: " + joined(request.cmd), *container, {{"execID", exec_id}});
  std::exception_ptr failure;
  std::shared_ptr<Started> started;
  try {
    plugins::CallSettings call_settings;
    const auto ask_to_exec = [id, spec](auto& driver, const Call& call) {
      auto out = std::make_shared<Started>();
      driver.exec(id, spec, out->running, out->streams, call);
      return out;
    };
    started = co_await at.drivers.call(runtime_of(*container), Pool::quick, call_settings, ask_to_exec);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    const StartFailure told = describe_exec_failure(failure);
    settle_exec(*exec, told.exit_code);
    wake_those_who_await_the_start(*exec);
    throw told.error;
  }
  exec->running = true;
  exec->pid = started->running.pid;
  wake_those_who_await_the_start(*exec);
  asio::co_spawn(executor, watch_exec(this, exec, std::move(started->running.exit_fd)), asio::detached);
  co_return std::move(started->streams.socket);
}

awaitable<void> Service::exec_ended(std::string exec_id) {
  const auto found = impl_->execs.find(exec_id);
  if (found == impl_->execs.end()) co_return;
  const auto exec = found->second;
  while (exec->running) {
    boost::system::error_code woken;
    co_await exec->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

std::shared_ptr<const Exec> Service::find_exec(const std::string& exec_id) const {
  const auto found = impl_->execs.find(exec_id);
  if (found == impl_->execs.end()) throw Error{Errc::not_found, "No such exec instance: " + exec_id};
  return found->second;
}

std::vector<std::string> Service::execs_of(const std::string& id) const {
  std::vector<std::string> ids;
  for (const auto& [exec_id, exec] : impl_->execs) {
    if (exec->container_id == id && !exec->exit_code) ids.push_back(exec_id);
  }
  return ids;
}

awaitable<void> Service::resize_exec(std::string exec_id, std::uint16_t rows, std::uint16_t columns) {
  (void)find_exec(exec_id);
  const auto exec = impl_->execs.find(exec_id)->second;
  // A client sizes its terminal while the start is under way; as dockerd does, it waits for that.
  if (!exec->running && !exec->exit_code) {
    const auto timer = std::make_shared<asio::steady_timer>(impl_->executor, std::chrono::seconds{10});
    exec->awaiting_start.push_back(timer);
    boost::system::error_code woken;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  const auto container = impl_->table.find(exec->container_id);
  if (!container || !exec->running) throw Error{Errc::conflict, "exec process is not started"};
  const std::string id = container->id;
  plugins::CallSettings call_settings;
  const auto ask_to_resize = [id, exec_id, rows, columns](auto& driver, const Call& call) {
    driver.resize(id, exec_id, rows, columns, call);
  };
  co_await impl_->at.drivers.call(impl_->runtime_of(*container), Pool::quick, call_settings, ask_to_resize);
}

}  // namespace gantry::containers
