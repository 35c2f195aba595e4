#pragma once

#include "api/router.hpp"
#include "volumes/service.hpp"

namespace gantry::api {

/// The API's Volume section.
class Volumes {
 public:
  /// The service must outlive this object, and this object the router.
  explicit Volumes(volumes::Service& service) : service_(service) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> list(Exchange& exchange);
  awaitable<Response> create(Exchange& exchange);
  awaitable<Response> inspect(Exchange& exchange);
  awaitable<Response> remove(Exchange& exchange);
  awaitable<Response> prune(Exchange& exchange);

  volumes::Service& service_;
};

}  // namespace gantry::api
