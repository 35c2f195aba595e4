#pragma once

#include <cstdint>

/// How a driver's shared object introduces itself to the daemon.
///
/// A driver exports one symbol, `gantry_driver`: a constant `gantry::Descriptor`. The daemon looks the symbol up in
/// the file's table before it loads the file, then reads the descriptor before it calls anything.

#define GANTRY_API_MAJOR 1
#define GANTRY_API_MINOR 0

#if defined(__SANITIZE_ADDRESS__)
#define GANTRY_ABI_SANITIZER "-asan"
#elif defined(__SANITIZE_THREAD__)
#define GANTRY_ABI_SANITIZER "-tsan"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GANTRY_ABI_SANITIZER "-asan"
#elif __has_feature(thread_sanitizer)
#define GANTRY_ABI_SANITIZER "-tsan"
#endif
#endif
#ifndef GANTRY_ABI_SANITIZER
#define GANTRY_ABI_SANITIZER ""
#endif

#include <string>  // defines the libstdc++ macros below
#if defined(_LIBCPP_VERSION)
#define GANTRY_ABI_STDLIB "libc++"
#elif defined(_GLIBCXX_USE_CXX11_ABI) && _GLIBCXX_USE_CXX11_ABI
#if defined(_GLIBCXX_DEBUG)
#define GANTRY_ABI_STDLIB "libstdc++-cxx11-debug"
#else
#define GANTRY_ABI_STDLIB "libstdc++-cxx11"
#endif
#else
#define GANTRY_ABI_STDLIB "libstdc++-old"
#endif

#define GANTRY_STRINGIFY_(x) #x
#define GANTRY_STRINGIFY(x) GANTRY_STRINGIFY_(x)

/// What must agree between a driver and the daemon, and no more: the standard library's layout, sanitizers,
/// plugin-api's major. The compiler and its version need not.
#define GANTRY_ABI_TAG GANTRY_ABI_STDLIB GANTRY_ABI_SANITIZER "-api" GANTRY_STRINGIFY(GANTRY_API_MAJOR)

namespace gantry {

/// The exported constant. Plain C layout; frozen, but for new members at its end (`size` tells).
struct Descriptor {
  char magic[8];                  ///< "GANTRY\0\1".
  std::uint32_t size;             ///< sizeof(Descriptor) when the driver was built.
  std::uint16_t api_major;        ///< GANTRY_API_MAJOR when the driver was built.
  std::uint16_t api_minor;        ///< GANTRY_API_MINOR then.
  const char* abi_tag;            ///< GANTRY_ABI_TAG then.
  const char* kind;               ///< "storage", "network", "volume", "runtime", "registry".
  std::uint16_t interface_major;  ///< Of the kind's interface: 1 for `gantry::storage::v1`.
  std::uint16_t interface_minor;
  const char* name;     ///< What the user writes in the config: "overlay". [a-z0-9][a-z0-9_.-]*, 1 to 32 characters.
  const char* version;  ///< The driver's own.
  void* (*make)();      ///< Makes the object: a pointer to the kind's `Driver`. May throw gantry::Error.
  void (*destroy)(void* driver) noexcept;
};

inline constexpr char kDescriptorMagic[8] = {'G', 'A', 'N', 'T', 'R', 'Y', '\0', '\1'};
inline constexpr const char* kDescriptorSymbol = "gantry_driver";

}  // namespace gantry

/// Exports a driver; once per shared object, at namespace scope, in a file of its own.
/// `Interface` is the kind's abstract class (gantry::storage::v1::Driver), `Class` a default-constructible
/// implementation of it.
#define GANTRY_EXPORT_DRIVER(Interface, Class, driver_name, driver_version)                           \
  extern "C" __attribute__((visibility("default"))) const ::gantry::Descriptor gantry_driver;         \
  extern "C" const ::gantry::Descriptor gantry_driver = {                                             \
      {'G', 'A', 'N', 'T', 'R', 'Y', '\0', '\1'},                                                     \
      sizeof(::gantry::Descriptor),                                                                   \
      GANTRY_API_MAJOR,                                                                               \
      GANTRY_API_MINOR,                                                                               \
      GANTRY_ABI_TAG,                                                                                 \
      Interface::kKind,                                                                               \
      Interface::kMajor,                                                                              \
      Interface::kMinor,                                                                              \
      driver_name,                                                                                    \
      driver_version,                                                                                 \
      []() -> void* { return static_cast<Interface*>(new Class); },                                   \
      [](void* driver) noexcept { delete static_cast<Interface*>(driver); }};
