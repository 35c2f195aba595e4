#include "driver.hpp"

namespace gantry::log_none {

void Driver::plan(const log::v1::Subject& /*subject*/, const Options& /*options*/, log::v1::Plan& out,
                  const Call& /*call*/) {
  out.writer = "none";
}

}  // namespace gantry::log_none
