#pragma once

#include "api/router.hpp"
#include "containers/service.hpp"

namespace gantry::api {

/// /containers/{id}/exec and /exec/{id}.
class Exec {
 public:
  /// The service must outlive this object, and this object the router.
  explicit Exec(containers::Service& service) : service_(service) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> post_create(Exchange& exchange);
  awaitable<Response> post_start(Exchange& exchange);
  awaitable<Response> post_resize(Exchange& exchange);
  awaitable<Response> get_details(Exchange& exchange);

  containers::Service& service_;
};

}  // namespace gantry::api
