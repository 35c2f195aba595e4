#pragma once

#include "api/router.hpp"
#include "build/service.hpp"

namespace gantry::api {

/// The API operations ImageBuild, BuildPrune and ImageCommit.
class Build {
 public:
  /// The service must outlive this object, and this object the router.
  explicit Build(build::Service& service) : service_(service) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> post_build(Exchange& exchange);
  awaitable<Response> post_prune(Exchange& exchange);
  awaitable<Response> post_commit(Exchange& exchange);

  build::Service& service_;
};

/// What the parameters of ImageBuild say. Errors: invalid, unsupported.
build::BuildRequest build_request(const Exchange& exchange);

}  // namespace gantry::api
