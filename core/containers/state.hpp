#pragma once

#include <cstdint>
#include <string_view>

/// What a container is doing, as one value: the API's booleans are derived from it.
namespace gantry::containers {

enum class State : std::uint8_t {
  created,
  starting,  ///< Intent: the sandbox is being made; undone after a crash.
  running,
  paused,
  restarting,  ///< Ended; the restart policy will start it again.
  exited,
  removing,  ///< Intent: finished after a crash.
  dead,      ///< Its removal failed.
};

/// "created", "running", ... as the API shows it; for `starting` see Container::shown_state.
std::string_view to_string(State state) noexcept;

/// The inverse, over all states. Errors: invalid.
State state_from(std::string_view name);

/// The table of transitions.
bool may_follow(State from, State to) noexcept;

/// Whether there is a process.
constexpr bool is_alive(State state) noexcept { return state == State::running || state == State::paused; }

}  // namespace gantry::containers
