#pragma once

#include "api/router.hpp"
#include "volumes/service.hpp"
#include "wire/volume.hpp"

namespace gantry::api {

/// A volume as the API shows it, without the driver's facts and without usage.
wire::Volume wire_volume(const volumes::Service& service, const volumes::Volume& volume);

/// The API's Volume section.
class Volumes {
 public:
  /// The service must outlive this object, and this object the router.
  Volumes(volumes::Service& service, Workers& workers) : service_(service), workers_(workers) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> list(Exchange& exchange);
  awaitable<Response> create(Exchange& exchange);
  awaitable<Response> inspect(Exchange& exchange);
  static awaitable<Response> update(Exchange& exchange);
  awaitable<Response> remove(Exchange& exchange);
  awaitable<Response> prune(Exchange& exchange);
  // docs/extensions.md: volumes_copy.cpp
  void add_copy_routes(Router& router);
  awaitable<Response> post_clone(Exchange& exchange);
  awaitable<Response> post_rename(Exchange& exchange);
  awaitable<Response> get_export(Exchange& exchange);
  awaitable<Response> post_import(Exchange& exchange);

  volumes::Service& service_;
  Workers& workers_;
};

}  // namespace gantry::api
