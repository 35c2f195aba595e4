#pragma once

#include <string>

#include "api/router.hpp"
#include "images/service.hpp"

namespace gantry::api {

/// The API's Image section, but for build and commit (api/build), with /auth and /distribution.
class Images {
 public:
  /// The service must outlive this object, and this object the router.
  Images(images::Service& service, Workers& workers) : service_(service), workers_(workers) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> list(Exchange& exchange);
  awaitable<Response> create(Exchange& exchange);
  awaitable<Response> inspect(Exchange& exchange);
  awaitable<Response> history(Exchange& exchange);
  awaitable<Response> attestations(Exchange& exchange);
  awaitable<Response> push(Exchange& exchange);
  awaitable<Response> tag(Exchange& exchange);
  awaitable<Response> remove(Exchange& exchange);
  awaitable<Response> search(Exchange& exchange);
  awaitable<Response> prune(Exchange& exchange);
  awaitable<Response> save(Exchange& exchange);
  awaitable<Response> load(Exchange& exchange);
  awaitable<Response> load_lent(Exchange& exchange);
  awaitable<Response> login(Exchange& exchange);
  awaitable<Response> distribution(Exchange& exchange);

  images::Service& service_;
  Workers& workers_;
};

}  // namespace gantry::api
