#pragma once

#include <cstdint>
#include <string>

namespace gantry::logger {

/// Tells the daemon's log of a container's lines that were lost: by files in a folder of which the daemon takes them
/// (core/containers/log_notices.hpp), as it may be away just then.
class Losses {
 public:
  /// `folder` empty: nobody is told. `driver`: the log driver's file.
  Losses(std::string folder, std::string container, std::string driver);

  void by_predecessor(std::uint64_t lines);  ///< By a process in this one's place, which ended too early.
  void cannot_begin(const std::string& reason);
  void failed(const std::string& reason);  ///< One line. Of many the first is told, and then how many they were.
  void at_end(std::uint64_t lines);        ///< Those that the driver has not taken in time. Any thread.
  void sum_up();                           ///< Of those that failed.

 private:
  void tell(const std::string& text) const;

  std::string folder_;
  std::string container_;
  std::string driver_;
  std::uint64_t failures_ = 0;
  std::string last_reason_;
};

}  // namespace gantry::logger
