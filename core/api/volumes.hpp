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
  explicit Volumes(volumes::Service& service) : service_(service) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> list(Exchange& exchange);
  awaitable<Response> create(Exchange& exchange);
  awaitable<Response> inspect(Exchange& exchange);
  static awaitable<Response> update(Exchange& exchange);
  awaitable<Response> remove(Exchange& exchange);
  awaitable<Response> prune(Exchange& exchange);

  volumes::Service& service_;
};

}  // namespace gantry::api
