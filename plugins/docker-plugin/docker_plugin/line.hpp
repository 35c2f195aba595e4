#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::docker_plugin {

/// A connection to a plugin. What waits ends with the call. Errors of all: unavailable, cancelled.
class Line {
 public:
  Line() = default;
  virtual ~Line() = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  /// All of it.
  virtual void send(std::string_view bytes) = 0;
  /// How many have come; 0 at the end.
  virtual std::size_t receive(std::span<char> bytes) = 0;
};

/// Over a connected socket that does not block.
class PlainLine final : public Line {
 public:
  PlainLine(UniqueFd socket, const Call& call) : socket_(std::move(socket)), call_(call) {}

  void send(std::string_view bytes) override;
  std::size_t receive(std::span<char> bytes) override;

 private:
  UniqueFd socket_;
  const Call& call_;
};

/// Until the socket is ready for `events` of poll(2). Errors: unavailable, cancelled.
void wait_for(int socket, short events, const Call& call);

}  // namespace gantry::docker_plugin
