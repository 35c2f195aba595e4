#pragma once

/// What the network drivers share (plugins/net-link) goes by its own names here.
namespace gantry::net_link {}

namespace gantry::bridge {

using namespace net_link;

}  // namespace gantry::bridge
