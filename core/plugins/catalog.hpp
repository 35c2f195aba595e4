#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/isolation.hpp"
#include "plugins/library.hpp"

namespace gantry::plugins {

/// One driver that was found and accepted.
struct Found {
  std::shared_ptr<const Library> library;  ///< Null if it is isolated.
  DriverInfo info;  ///< With capabilities and options; `error` set if it was refused later, when it was opened.
};

/// The drivers' files of this host.
class Catalog {
 public:
  /// Loads every *.so of the directories, in order. One that is refused is kept with the reason. Of two drivers of one
  /// kind and name the first counts.
  Catalog(const std::vector<std::string>& directories, const Isolation& isolation);

  /// Null if there is none.
  [[nodiscard]] Found* find(const std::string& kind, const std::string& name);
  [[nodiscard]] std::vector<Found>& drivers() noexcept { return drivers_; }

  /// Why a file that seems to be this driver's was refused; empty if there is none.
  [[nodiscard]] std::string refusal(const std::string& kind, const std::string& name) const;

  /// "bridge, host"; "none" if there are none.
  [[nodiscard]] std::string names(const std::string& kind) const;

  /// "network: bridge, host; volume: local"; "none" if there are none.
  [[nodiscard]] std::string names_by_kind() const;

  /// All, also those that were refused.
  [[nodiscard]] std::vector<DriverInfo> list() const;

 private:
  void add(const std::string& file, const Isolation& isolation);

  std::vector<Found> drivers_;
  std::vector<DriverInfo> refused_;
};

/// The file of a driver that is loaded, as it is now. `copy`: see Library.
/// Errors: as of Library; invalid (it is another driver's file now).
Found load_again(const DriverInfo& driver, const std::string& copy, const Isolation& isolation);

/// The object of a driver of `kind` as what all kinds have in common.
Driver& base_of(const std::string& kind, void* object);

}  // namespace gantry::plugins
