#pragma once

#include "api/router.hpp"
#include "system/service.hpp"

namespace gantry::api {

/// Docker's managed plugins, of which there are none, and our own drivers: /gantry/plugins.
class Plugins {
 public:
  explicit Plugins(system::Service& service) : service_(service) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> docker_plugins(Exchange& exchange);
  awaitable<Response> docker_plugin(Exchange& exchange);
  awaitable<Response> install(Exchange& exchange);
  awaitable<Response> list(Exchange& exchange);
  awaitable<Response> inspect(Exchange& exchange);
  awaitable<Response> enable(Exchange& exchange);
  awaitable<Response> disable(Exchange& exchange);
  awaitable<Response> reload(Exchange& exchange);

  system::Service& service_;
};

}  // namespace gantry::api
