#pragma once

#include <string>

#include "api/container_view.hpp"
#include "api/networks.hpp"
#include "api/router.hpp"
#include "containers/service.hpp"

namespace gantry::api {

/// /containers: one file for each group of operations.
class Containers {
 public:
  /// The services must outlive this object, and this object the router.
  explicit Containers(containers::Service& service, images::Service& images) : service_(service), images_(images) {}

  void add_routes(Router& router);

  /// For /networks/{id}/connect and disconnect.
  [[nodiscard]] NetworkPeers network_peers();

 private:
  // containers.cpp
  awaitable<Response> get_list(Exchange& exchange);
  awaitable<Response> get_details(Exchange& exchange);
  awaitable<Response> post_create(Exchange& exchange);
  awaitable<Response> post_update(Exchange& exchange);
  awaitable<Response> post_ports(Exchange& exchange);
  awaitable<Response> post_mounts(Exchange& exchange);
  awaitable<Response> post_rename(Exchange& exchange);
  awaitable<Response> post_resize(Exchange& exchange);
  awaitable<Response> post_prune(Exchange& exchange);
  awaitable<Response> remove(Exchange& exchange);
  awaitable<Response> get_top(Exchange& exchange);
  awaitable<Response> get_changes(Exchange& exchange);
  awaitable<Response> get_trace(Exchange& exchange);
  awaitable<std::optional<Sizes>> sizes(std::shared_ptr<const containers::Container> container);

  // containers_files.cpp
  awaitable<Response> get_export(Exchange& exchange);
  awaitable<Response> head_archive(Exchange& exchange);
  awaitable<Response> get_archive(Exchange& exchange);
  awaitable<Response> put_archive(Exchange& exchange);

  // containers_run.cpp
  awaitable<Response> post_start(Exchange& exchange);
  awaitable<Response> post_stop(Exchange& exchange);
  awaitable<Response> post_restart(Exchange& exchange);
  awaitable<Response> post_kill(Exchange& exchange);
  awaitable<Response> post_pause(Exchange& exchange);
  awaitable<Response> post_unpause(Exchange& exchange);
  awaitable<Response> post_wait(Exchange& exchange);

  // containers_stream.cpp
  awaitable<Response> post_attach(Exchange& exchange);
  awaitable<Response> get_logs(Exchange& exchange);
  awaitable<Response> delete_logs(Exchange& exchange);
  awaitable<Response> get_attach_websocket(Exchange& exchange);

  // containers_stats.cpp
  awaitable<Response> get_stats(Exchange& exchange);

  containers::Service& service_;
  images::Service& images_;
};

}  // namespace gantry::api
