#pragma once

#include "net_parent/driver.hpp"

namespace gantry::macvlan {

/// Endpoints are macvlan interfaces: each has a MAC address of its own in the parent's network.
class Driver : public net_parent::Driver {
 public:
  Driver() : net_parent::Driver("macvlan") {}

 protected:
  void add_options(std::vector<OptionInfo>& out) const override;
  [[nodiscard]] net_parent::LinkMode parse_mode(const Options& options) const override;
};

}  // namespace gantry::macvlan
