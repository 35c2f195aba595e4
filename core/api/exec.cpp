#include "api/exec.hpp"

#include <nlohmann/json.hpp>

#include "api/streams.hpp"
#include "api/terminal_size.hpp"
#include "wire/container_exec.hpp"

namespace gantry::api {

namespace {

using Json = nlohmann::ordered_json;

// dockerd has words of its own for an exec's keys.
void check_detach_keys(const std::string& keys) {
  if (keys.empty()) return;
  try {
    (void)DetachKeys{keys};
  } catch (const Error& error) {
    throw Error{error.code(), "Invalid escape keys (" + keys + ") provided"};
  }
}

}  // namespace

void Exec::add_routes(Router& router) {
  router.add("POST", "/containers/{id:*}/exec", [this](Exchange& exchange) { return post_create(exchange); });
  router.add("POST", "/exec/{id}/start", [this](Exchange& exchange) { return post_start(exchange); });
  router.add("POST", "/exec/{id}/resize", [this](Exchange& exchange) { return post_resize(exchange); });
  router.add("GET", "/exec/{id}/json", [this](Exchange& exchange) { return get_details(exchange); });
}

awaitable<Response> Exec::post_create(Exchange& exchange) {
  auto body = co_await exchange.body_json();
  if (body.is_null()) body = nlohmann::json::object();
  wire::ExecConfig config;
  wire::from_json(body, config);
  containers::ExecRequest request;
  request.attach_stdin = config.attach_stdin;
  request.attach_stdout = config.attach_stdout;
  request.attach_stderr = config.attach_stderr;
  request.tty = config.tty;
  request.privileged = config.privileged;
  request.user = config.user;
  request.working_dir = config.working_dir;
  request.detach_keys = config.detach_keys;
  request.env = config.env;
  request.cmd = config.cmd;
  request.console_size = config.console_size;
  if (request.cmd.empty()) throw Error{Errc::invalid, "No exec command specified"};
  (void)service_.find(exchange.request().parameter("id"));
  check_detach_keys(request.detach_keys);
  const std::string id = co_await service_.create_exec(exchange.request().parameter("id"), std::move(request));
  const nlohmann::json answer{{"Id", id}};
  co_return Response::json(answer, 201);
}

awaitable<Response> Exec::post_start(Exchange& exchange) {
  const std::string id = exchange.request().parameter("id");
  const auto body = co_await exchange.body_json();
  wire::ExecStartConfig config;
  if (!body.is_null()) wire::from_json(body, config);
  containers::ExecStart start;
  start.detach = config.detach;
  start.tty = config.tty;
  start.console_size = config.console_size;
  const auto exec = service_.find_exec(id);
  service_.check_exec(id);
  if (start.detach) {
    co_await service_.start_exec(id, start);
    co_return Response{};
  }

  const auto& request = exec->request;
  // As in dockerd, the start says what the client can read, whatever the process has.
  const bool multiplexed = !start.tty && exchange.request().version >= Version{1, 42};
  const auto client = co_await exchange.upgrade(multiplexed ? "application/vnd.docker.multiplexed-stream"
                                                            : "application/vnd.docker.raw-stream");
  // As dockerd: what fails from here on is told in the stream, and the exit code tells the rest.
  std::string complaint;
  UniqueFd socket;
  try {
    socket = co_await service_.start_exec(id, start);
  } catch (const Error& error) {
    complaint = error.what() + std::string("\r\n");
  }
  if (!complaint.empty()) {
    const std::string text = start.tty ? complaint : framed_output(complaint);
    co_await client->write(text);
  }
  if (socket) {
    StreamSettings settings;
    settings.input = request.attach_stdin;
    settings.close_input = true;
    settings.add_frames = request.tty && !start.tty;
    if (!request.tty && start.tty) settings.frames.emplace(true, true, false);
    if (request.tty || !request.detach_keys.empty()) settings.detach_keys = DetachKeys{request.detach_keys};
    const auto end = co_await copy_streams(client, std::move(socket), std::move(settings));
    // The client asks for the exit code as soon as the stream ends.
    if (end == StreamEnd::output_ended) co_await service_.exec_ended(id);
  }
  co_await hang_up(client);
  co_return Response::done();
}

awaitable<Response> Exec::post_resize(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto rows = terminal_size(request, "h");
  const auto columns = terminal_size(request, "w");
  service_.check_exec(request.parameter("id"));
  co_await service_.resize_exec(request.parameter("id"), rows, columns);
  Response response;
  response.status = 200;
  co_return response;
}

awaitable<Response> Exec::get_details(Exchange& exchange) {
  const auto exec = service_.find_exec(exchange.request().parameter("id"));
  const auto& request = exec->request;
  Json process{{"tty", request.tty},
               {"entrypoint", request.cmd.front()},
               {"arguments", std::vector(request.cmd.begin() + 1, request.cmd.end())},
               {"privileged", request.privileged}};
  if (!request.user.empty()) process["user"] = request.user;
  Json out{{"ID", exec->id},
           {"Running", exec->running},
           {"ExitCode", exec->exit_code ? Json(*exec->exit_code) : Json(nullptr)},
           {"ProcessConfig", std::move(process)},
           {"OpenStdin", request.attach_stdin},
           {"OpenStderr", request.attach_stderr},
           {"OpenStdout", request.attach_stdout},
           {"CanRemove", false},
           {"ContainerID", exec->container_id},
           {"DetachKeys", request.detach_keys},
           {"Pid", exec->pid}};
  Response response;
  response.content_type = "application/json";
  response.body = out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  co_return response;
}

}  // namespace gantry::api
