#include <algorithm>

#include "build/service.hpp"
#include "gantry/error.hpp"
#include "images/config_changes.hpp"
#include "images/image_config.hpp"
#include "images/reference.hpp"

namespace gantry::build {
namespace {

/// The variables that are given, and behind them those that were there.
std::vector<std::string> merged_env(const std::vector<std::string>& given, const std::vector<std::string>& before) {
  std::vector<std::string> out = given;
  const auto name_of = [](const std::string& variable) { return variable.substr(0, variable.find('=')); };
  for (const std::string& variable : before) {
    const bool replaced = std::any_of(given.begin(), given.end(),
                                      [&](const std::string& other) { return name_of(other) == name_of(variable); });
    if (!replaced) out.push_back(variable);
  }
  return out;
}

/// What is set takes the place of what was there.
void overlay_config(images::ImageConfig& out, const wire::ContainerConfig& config) {
  if (!config.user.empty()) out.user = config.user;
  if (!config.working_dir.empty()) out.working_dir = config.working_dir;
  if (!config.stop_signal.empty()) out.stop_signal = config.stop_signal;
  out.env = merged_env(config.env, out.env);
  if (config.cmd) out.cmd = *config.cmd;
  if (config.entrypoint) out.entrypoint = *config.entrypoint;
  out.attach_stdin = config.attach_stdin;
  out.attach_stdout = config.attach_stdout;
  out.attach_stderr = config.attach_stderr;
  out.tty = config.tty;
  out.open_stdin = config.open_stdin;
  out.stdin_once = config.stdin_once;
  if (!config.shell.empty()) out.shell = config.shell;
  if (!config.on_build.empty()) out.on_build = config.on_build;
  for (const auto& [name, value] : config.labels) out.labels[name] = value;
  if (!config.exposed_ports.empty()) out.exposed_ports = {config.exposed_ports.begin(), config.exposed_ports.end()};
  if (!config.volumes.empty()) out.volumes = {config.volumes.begin(), config.volumes.end()};
  if (const auto& health = config.healthcheck) {
    out.healthcheck = images::HealthConfig{health->test,         health->interval,       health->timeout,
                                           health->start_period, health->start_interval, health->retries};
  }
}

std::string command_line(const wire::ContainerConfig& config) {
  std::string out;
  for (const std::string& word : config.cmd.value_or(std::vector<std::string>{}))
    out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

awaitable<bool> Service::hold_still(std::string container, bool still) {
  std::exception_ptr failure;
  try {
    if (still) {
      co_await at_.containers.pause(container, true);
    } else {
      co_await at_.containers.unpause(container);
    }
    co_return true;
  } catch (const Error& error) {
    // It may be that the process has ended and nobody has been told: what runs on must be paused.
    if (error.code() != Errc::conflict && error.code() != Errc::not_found) failure = std::current_exception();
  }
  if (failure) std::rethrow_exception(failure);
  co_return false;
}

awaitable<std::string> Service::commit(CommitRequest request) {
  const auto container = at_.containers.find(request.container);
  if (container->state == containers::State::removing || container->state == containers::State::dead) {
    throw Error{Errc::conflict, "You cannot commit container " + container->id + " which is being removed"};
  }
  images::ImageConfig config;
  overlay_config(config, container->config);
  if (request.config) {
    wire::ContainerConfig given = *request.config;
    // As dockerd: these are the container's.
    given.attach_stdin = container->config.attach_stdin;
    given.attach_stdout = container->config.attach_stdout;
    given.attach_stderr = container->config.attach_stderr;
    given.tty = container->config.tty;
    given.open_stdin = container->config.open_stdin;
    given.stdin_once = container->config.stdin_once;
    overlay_config(config, given);
  }
  images::apply_changes(config, request.changes);
  images::CommitRequest step;
  step.parent = container->image_id;
  step.config_json = images::config_object(config);
  step.author = request.author;
  step.engine = request.engine;
  step.comment = request.comment;
  step.created_by = command_line(container->config);
  step.repository = request.repository;
  step.tag = request.tag;
  step.top = container->id;
  const bool pause = request.pause && container->state == containers::State::running;
  const bool paused = pause && co_await hold_still(container->id, true);
  std::string image;
  std::exception_ptr failure;
  try {
    image = co_await at_.images.commit(step);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) publish_commit(*container, request, image);
  if (paused) co_await hold_still(container->id, false);
  if (failure) std::rethrow_exception(failure);
  co_return image;
}

void Service::publish_commit(const containers::Container& container, const CommitRequest& request,
                             const std::string& image) {
  std::map<std::string, std::string> attributes(container.config.labels.begin(), container.config.labels.end());
  attributes["comment"] = request.comment;
  attributes["image"] = container.config.image;
  attributes["imageID"] = image;
  if (!request.repository.empty()) {
    attributes["imageRef"] =
        images::familiar(request.repository) + ":" + (request.tag.empty() ? "latest" : request.tag);
  } else {
    attributes["imageRef"] = "";
  }
  attributes["name"] = container.name;
  at_.bus.publish({"container", "commit", container.id, attributes, 0});
}

}  // namespace gantry::build
