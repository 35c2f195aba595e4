#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "gantry/log.hpp"

namespace gantry::logger {

/// What goes on around a pump.
struct PumpSettings {
  /// What the writer throws for one entry; the next one is tried. It sees to `done`.
  std::function<void(const std::string&)> complain;
  std::function<void(const std::string&)> cannot_end;  ///< What the writer throws from `close`.
  /// Called on a thread of its own when the input has ended and the writer is not done within `patience`, with how many
  /// entries have not been written. Does not return: it ends the process.
  std::function<void(std::uint64_t)> late;
  std::chrono::milliseconds patience{10'000};  ///< As long as dockerd waits for its log drivers.
  std::atomic<std::uint64_t>* done = nullptr;  ///< Counts the entries that need nobody's care any more.
};

/// Reads settings and then records from `input` until it ends, and gives them to a writer. Errors: what `open` throws;
/// invalid, if the input is no such thing.
void pump(int input, log::v1::Writer& writer, const PumpSettings& settings);

}  // namespace gantry::logger
