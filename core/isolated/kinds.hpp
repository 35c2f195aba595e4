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

/// One kind of drivers that can be isolated.
struct Kind {
  const char* name;
  /// Stands for a remote driver whose calls are of `lesson`, as a pointer to the kind's interface.
  std::shared_ptr<void> (*make_proxy)(std::shared_ptr<Remote> remote, Lesson lesson);
  /// Calls the driver, of which `object` is the kind's interface, and answers what comes of it.
  Json (*serve)(void* object, std::size_t method, Incoming& in);
  std::vector<std::string> abilities;  ///< Those that the proxy can stand for.
};

/// Null if drivers of that kind cannot be isolated.
const Kind* find_kind(std::string_view name);

/// What keeps a kind from being isolated, for messages; empty if nothing does.
std::string why_not_isolated(std::string_view kind);

/// "volume, network, ..."
std::string kind_names();

extern const Kind kVolumeKind;
extern const Kind kNetworkKind;
extern const Kind kIpamKind;
extern const Kind kStorageKind;
extern const Kind kRegistryKind;
extern const Kind kLogKind;
extern const Kind kRuntimeKind;

}  // namespace gantry::isolated
