#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gantry/error.hpp"

/// FUZZ_TARGET(text) { ... }: what is done with each input. Whatever the input, it may only end well or with
/// gantry::Error.
#define FUZZ_TARGET(text)                                                             \
  static void fuzz_one(std::string_view text);                                        \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    try {                                                                             \
      fuzz_one({reinterpret_cast<const char*>(data), size});                          \
    } catch (const gantry::Error&) {                                                  \
    }                                                                                 \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_one(std::string_view text)
