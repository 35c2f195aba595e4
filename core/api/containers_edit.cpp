#include <nlohmann/json.hpp>

#include "api/containers.hpp"

/// Edits that Docker has no operation for (docs/extensions.md).
namespace gantry::api {

awaitable<Response> Containers::post_ports(Exchange& exchange) {
  const std::string id = exchange.request().parameter("id");
  const auto body = co_await exchange.body_json();
  if (body.is_null()) throw Error{Errc::invalid, "invalid JSON: got EOF while reading request body"};
  wire::PortsEdit edit;
  wire::from_json(body, edit);
  co_await service_.edit_ports(id, std::move(edit.add), std::move(edit.remove));
  co_return Response::no_content();
}

awaitable<Response> Containers::post_mounts(Exchange& exchange) {
  const std::string id = exchange.request().parameter("id");
  const auto body = co_await exchange.body_json();
  if (body.is_null()) throw Error{Errc::invalid, "invalid JSON: got EOF while reading request body"};
  wire::MountsEdit edit;
  wire::from_json(body, edit);
  co_await service_.edit_mounts(id, std::move(edit.add), std::move(edit.remove));
  co_return Response::no_content();
}

}  // namespace gantry::api
