#include "build/step_config.hpp"

namespace gantry::build {
namespace {

/// The two structs name the same things alike.
template <class To, class From>
To convert(const From& from) {
  To to;
  to.user = from.user;
  to.exposed_ports = from.exposed_ports;
  to.env = from.env;
  to.entrypoint = from.entrypoint;
  to.cmd = from.cmd;
  to.volumes = from.volumes;
  to.working_dir = from.working_dir;
  to.labels = from.labels;
  to.stop_signal = from.stop_signal;
  to.shell = from.shell;
  to.on_build = from.on_build;
  to.args_escaped = from.args_escaped;
  return to;
}

template <class To, class From>
To convert_health(const From& from) {
  return {from.test, from.interval, from.timeout, from.start_period, from.start_interval, from.retries};
}

}  // namespace

builder::v1::Image to_builder(const images::Image& image) {
  builder::v1::Image out;
  out.id = image.id;
  out.config = convert<builder::v1::Config>(image.config);
  if (const auto& health = image.config.healthcheck) {
    out.config.health_check = convert_health<builder::v1::HealthCheck>(*health);
  }
  out.os = image.os;
  out.architecture = image.architecture;
  out.variant = image.variant;
  out.author = image.author;
  return out;
}

images::BuildStep to_build_step(const builder::v1::Step& step) {
  images::BuildStep out;
  out.parent = step.parent;
  out.config = convert<images::ImageConfig>(step.config);
  if (const auto& health = step.config.health_check) {
    out.config.healthcheck = convert_health<images::HealthConfig>(*health);
  }
  out.author = step.author;
  out.created_by = step.created_by;
  out.top = step.top;
  out.created = step.created;
  return out;
}

}  // namespace gantry::build
