#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/builder.hpp"

namespace gantry::dockerfile {

/// What a build says, for users who read it from top to bottom: stages may go on side by side, but it is told as if one
/// were built after the other. Any thread.
class Transcript {
 public:
  /// Bytes that stages may say before it is their turn: a command says any amount.
  static constexpr std::size_t kMostKept = std::size_t{16} << 20;

  Transcript(builder::v1::Session& session, std::vector<std::size_t> stages);

  void say(std::size_t stage, std::string_view text, bool is_error = false);
  /// The stage has nothing more to say.
  void finish(std::size_t stage);
  /// The build is over: whatever waits for its turn is said.
  void flush();

 private:
  void tell(std::string_view text, bool is_error);
  void tell_kept(std::size_t stage);
  void keep(std::size_t stage, std::string_view text, bool is_error);

  builder::v1::Session& session_;
  builder::v1::Steps* steps_;
  std::mutex mutex_;
  std::vector<std::size_t> stages_;  ///< Those that are not finished and told, the first has its turn.
  std::map<std::size_t, bool> finished_;
  struct Kept {
    std::vector<std::pair<std::string, bool>> texts;
    std::size_t size{};
    bool clipped{};
  };
  std::map<std::size_t, Kept> kept_;
  std::size_t kept_size_{};
};

}  // namespace gantry::dockerfile
