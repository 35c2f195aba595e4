#pragma once

#include <functional>
#include <string>

#include "api/router.hpp"
#include "networks/service.hpp"
#include "wire/network.hpp"

namespace gantry::api {

/// What the network endpoints need of the containers: set by the daemon's wiring, implemented by core/containers.
struct NetworkPeers {
  /// Puts a container (running or not) on a network; one that does not run only changes its record.
  /// Errors: not_found ("No such container: x"), denied (it is on it already), invalid.
  std::function<awaitable<void>(std::string container, std::string network, wire::EndpointSettings settings)> connect;

  /// Takes a container off a network (name or id). `force`: also one that is not known any more.
  /// Errors: not_found, internal ("container x is not connected to the network y").
  std::function<awaitable<void>(std::string container, std::string network, bool force)> disconnect;
};

/// /networks
class Networks {
 public:
  Networks(networks::Service& service, events::Bus& bus, NetworkPeers peers);
  void add_routes(Router& router);

 private:
  awaitable<Response> get_list(Exchange& exchange);
  awaitable<Response> get_network(Exchange& exchange);
  awaitable<Response> post_create(Exchange& exchange);
  awaitable<Response> post_connect(Exchange& exchange);
  awaitable<Response> post_disconnect(Exchange& exchange);
  awaitable<Response> post_prune(Exchange& exchange);
  awaitable<Response> delete_network(Exchange& exchange);

  networks::Service& service_;
  events::Bus& bus_;
  NetworkPeers peers_;
};

}  // namespace gantry::api
