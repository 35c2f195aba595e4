#pragma once

#include "endpoint.hpp"
#include "gantry/registry.hpp"

namespace hub {

using gantry::registry::v1::Descriptor;
using gantry::registry::v1::Repository;

/// Streams one blob from byte `offset` on; a transfer that breaks goes on at the byte where it stopped.
class BlobFetch {
 public:
  BlobFetch(Session& session, const Repository& repository, const Descriptor& blob, std::uint64_t offset)
      : session_(session), repository_(repository), blob_(blob), at_(offset) {}

  /// `at` tells, also after a failure, how much has come.
  void run(gantry::ByteSink& sink);
  [[nodiscard]] std::uint64_t at() const noexcept { return at_; }

 private:
  Response request();
  /// How many bytes of the answer are ones that came before.
  std::uint64_t surplus(const Response& response) const;
  void copy(Response& response, std::uint64_t skip, gantry::ByteSink& sink);
  [[nodiscard]] std::string label() const;

  Session& session_;
  const Repository& repository_;
  const Descriptor& blob_;
  std::uint64_t at_;
};

}  // namespace hub
