#pragma once

#include <string>
#include <vector>

#include "containers/container.hpp"

/// --link on the default bridge: another container's address in /etc/hosts, its ports and variables in the environment.
namespace gantry::containers {

/// On record the target is an id, so that a rename does not break the link.
struct Link {
  std::string target;
  std::string alias;
};

/// "db:alias", "db", or as inspect shows it: "/db:/web/alias". Errors: invalid, in dockerd's words.
Link parse_link(const std::string& text);

/// The link as it stays on record when its target is removed: what was an id becomes the name `target`.
std::string lost_link(const Link& link, const std::string& target);

/// What the container `name` is told of the one that it calls `alias`.
std::vector<std::string> link_environment(const std::string& name, const std::string& alias, const Container& linked);

/// For /etc/hosts: "172.17.0.3 alias hostname name".
std::string link_line(const std::string& alias, const Container& linked);

/// What is in /etc/hosts once the container that is called `alias` has another address.
std::string with_link_address(const std::string& hosts, const std::string& alias, const std::string& address);

/// The address on the default bridge; empty if it has none.
std::string bridge_address(const Container& container);

}  // namespace gantry::containers
