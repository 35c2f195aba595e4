#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::api {

/// Docker's frame around output.
std::string framed_output(std::string_view bytes);

/// Lets only the wanted of a multiplexed stream's two outputs pass: a client that asked for one has nowhere to put the
/// other. Frames may come in pieces.
class FrameFilter {
 public:
  /// Not `framed`: the frames' contents only.
  FrameFilter(bool wants_stdout, bool wants_stderr, bool framed = true)
      : wants_stdout_(wants_stdout), wants_stderr_(wants_stderr), framed_(framed) {}

  /// Appends to `out` what passes of `input`.
  void filter(std::string_view input, std::string& out);

 private:
  void take_header(std::string& out);

  bool wants_stdout_;
  bool wants_stderr_;
  bool framed_;
  std::array<char, 8> header_{};  ///< Stream, three zeros, the length with its highest byte first.
  std::size_t header_size_{};
  std::uint32_t left_{};  ///< Bytes of the present frame that have not come yet.
  bool passes_{};
};

}  // namespace gantry::api
