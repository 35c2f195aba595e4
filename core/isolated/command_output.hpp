#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "base/far_session.hpp"
#include "gantry/builder.hpp"
#include "gantry/unique_fd.hpp"
#include "isolated/exchange.hpp"

namespace gantry::isolated {

/// What a command of a build says, read from the socket that the daemon hands out once it runs, while the driver's
/// thread waits for its end.
class CommandOutput final : public FdTaker {
 public:
  explicit CommandOutput(builder::v1::Output& output);
  CommandOutput(const CommandOutput&) = delete;
  CommandOutput& operator=(const CommandOutput&) = delete;

  void take(UniqueFd socket) noexcept override;
  /// To be looked after meanwhile.
  [[nodiscard]] Beside& beside() noexcept { return beside_; }
  /// The command has ended: shows what is left. Errors: those of the output, also earlier ones.
  void finish();

 private:
  bool read_some(int flags) noexcept;
  void show_whole_pieces();

  builder::v1::Output& output_;
  UniqueFd socket_;
  Beside beside_;
  std::string held_;
  std::size_t left_ = 0;  ///< Of the frame whose header was read last.
  bool is_error_ = false;
  std::exception_ptr failure_;
};

}  // namespace gantry::isolated
