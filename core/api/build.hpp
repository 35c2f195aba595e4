#pragma once

#include "api/router.hpp"
#include "build/service.hpp"

namespace gantry::api {

/// The API operations ImageBuild, BuildPrune and ImageCommit; and what a build is lent (docs/extensions.md).
class Build {
 public:
  /// The service must outlive this object, and this object the router.
  explicit Build(build::Service& service) : service_(service) {}

  void add_routes(Router& router);

 private:
  awaitable<Response> post_build(Exchange& exchange);
  awaitable<Response> post_session(Exchange& exchange);
  awaitable<Response> post_directory(Exchange& exchange);
  awaitable<Response> post_agent(Exchange& exchange);
  awaitable<Response> post_prune(Exchange& exchange);
  awaitable<Response> post_commit(Exchange& exchange);

  build::Service& service_;
};

/// What the parameters of ImageBuild say. Errors: invalid, unsupported.
build::BuildRequest build_request(const Exchange& exchange);

}  // namespace gantry::api
