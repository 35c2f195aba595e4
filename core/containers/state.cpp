#include "containers/state.hpp"

#include <array>
#include <string>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

constexpr std::array<std::pair<State, std::string_view>, 8> kNames{{
    {State::created, "created"},
    {State::starting, "starting"},
    {State::running, "running"},
    {State::paused, "paused"},
    {State::restarting, "restarting"},
    {State::exited, "exited"},
    {State::removing, "removing"},
    {State::dead, "dead"},
}};

constexpr std::array<std::pair<State, State>, 21> kTransitions{{
    {State::created, State::starting},    {State::created, State::removing},    {State::starting, State::running},
    {State::starting, State::created},   // the start failed: undone
    {State::starting, State::exited},    // likewise, of one that had run before
    {State::starting, State::removing},  // --rm and the start failed
    {State::running, State::paused},      {State::running, State::restarting},  {State::running, State::exited},
    {State::running, State::removing},  // --rm and it ended
    {State::paused, State::running},      {State::paused, State::restarting},   {State::paused, State::exited},
    {State::paused, State::removing},     {State::restarting, State::starting}, {State::restarting, State::exited},
    {State::restarting, State::removing}, {State::exited, State::starting},     {State::exited, State::removing},
    {State::removing, State::dead},       {State::dead, State::removing},
}};

}  // namespace

std::string_view to_string(State state) noexcept {
  for (const auto& [known, name] : kNames) {
    if (known == state) return name;
  }
  return "dead";
}

State state_from(std::string_view name) {
  for (const auto& [state, known] : kNames) {
    if (known == name) return state;
  }
  throw Error{Errc::invalid, "invalid container state \"" + std::string(name) + "\""};
}

bool may_follow(State from, State to) noexcept {
  for (const auto& transition : kTransitions) {
    if (transition == std::pair{from, to}) return true;
  }
  return false;
}

}  // namespace gantry::containers
