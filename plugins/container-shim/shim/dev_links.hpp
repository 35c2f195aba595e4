#pragma once

#include "shim/report.hpp"

namespace gantry::container_shim {

/// Makes the links that programs expect in /dev; `dev` is that directory. What is there stays.
void make_dev_links(int dev, const ReportLine& line);

}  // namespace gantry::container_shim
