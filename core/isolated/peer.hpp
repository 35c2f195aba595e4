#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "isolated/exchange.hpp"

namespace gantry::isolated {

/// The other end of calls.
class Peer {
 public:
  virtual ~Peer() = default;

  /// Makes a call. `message`: the method's number and its parameters. Errors: what the other end failed with; that it
  /// is gone.
  virtual Json call(const Request& request, const Json& message) = 0;

  /// What it answered was no answer. Errors: always.
  [[noreturn]] void distrust(const std::string& why) {
    end_trust(why);
    throw BrokenLink{why};
  }

 private:
  /// Throws what the call fails with. (A virtual function is not believed to be [[noreturn]] by g++ 12.)
  virtual void end_trust(const std::string& why) = 0;
};

}  // namespace gantry::isolated
