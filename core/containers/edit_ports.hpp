#pragma once

#include "containers/container.hpp"

namespace gantry::containers {

/// Changes what a record publishes. Of `remove` an empty list means all bindings of the port, an empty host address or
/// port any. Errors: invalid (a port's form), not_found (what is to be removed), conflict (what is to be added is there
/// already), denied (a network mode that publishes nothing).
void edit_ports(Container& container, const wire::PortMap& add, const wire::PortMap& remove);

}  // namespace gantry::containers
