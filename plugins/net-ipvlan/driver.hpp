#pragma once

#include "net_parent/driver.hpp"

namespace gantry::ipvlan {

/// Endpoints are ipvlan interfaces: all have the MAC address of the parent.
class Driver : public net_parent::Driver {
 public:
  Driver() : net_parent::Driver("ipvlan") {}

  void capabilities(Capabilities& out) const override;

 protected:
  void add_options(std::vector<OptionInfo>& out) const override;
  [[nodiscard]] net_parent::LinkMode parse_mode(const Options& options) const override;
};

}  // namespace gantry::ipvlan
