#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "isolated/lesson.hpp"
#include "isolated/message.hpp"

namespace gantry::isolated {

class Remote;
class Incoming;

/// One kind of drivers.
struct Kind {
  const char* name;
  /// Stands for a remote driver whose calls are of `lesson`, as a pointer to the kind's interface.
  std::shared_ptr<void> (*make_proxy)(std::shared_ptr<Remote> remote, Lesson lesson);
  /// Calls the driver, of which `object` is the kind's interface, and answers what comes of it.
  Json (*serve)(void* object, std::size_t method, Incoming& in);
  std::vector<std::string> abilities;  ///< Those that the proxy can stand for.
};

/// Null if there is no such kind.
const Kind* find_kind(std::string_view name);

extern const Kind kVolumeKind;
extern const Kind kNetworkKind;
extern const Kind kIpamKind;
extern const Kind kStorageKind;
extern const Kind kRegistryKind;
extern const Kind kLogKind;
extern const Kind kRuntimeKind;
extern const Kind kBuilderKind;

}  // namespace gantry::isolated
