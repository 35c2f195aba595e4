#pragma once

#include "gantry/error.hpp"

namespace gantry::plugins {

/// A driver did not return from a call that was cancelled: it may still be at it.
class GivenUp : public Error {
 public:
  explicit GivenUp(const Error& error) : Error(error) {}
};

}  // namespace gantry::plugins
