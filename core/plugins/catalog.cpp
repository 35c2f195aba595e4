#include "plugins/catalog.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "gantry/builder.hpp"
#include "gantry/ipam.hpp"
#include "gantry/log.hpp"
#include "gantry/network.hpp"
#include "gantry/registry.hpp"
#include "gantry/runtime.hpp"
#include "gantry/storage.hpp"
#include "gantry/volume.hpp"
#include "plugins/foreign.hpp"

namespace gantry::plugins {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_of(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code failed;
  for (fs::directory_iterator entry{directory, failed}, end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() == ".so") files.push_back(entry->path().string());
  }
  if (failed) spdlog::warn("plugin directory {}: {}", directory, failed.message());
  std::ranges::sort(files);
  return files;
}

/// Fills in what the driver says of itself.
void question(const Library& library, DriverInfo& info) {
  const auto object = library.make();
  translated(info, [&] {
    const Driver& driver = base_of(info.kind, object.get());
    driver.capabilities(info.capabilities);
    driver.options(info.options);
  });
}

template <class Kind>
Driver& cast(void* object) {
  return *static_cast<Kind*>(object);
}

}  // namespace

Driver& base_of(const std::string& kind, void* object) {
  static const std::map<std::string, Driver& (*)(void*)> casts{
      {storage::v1::Driver::kKind, cast<storage::v1::Driver>},
      {network::v1::Driver::kKind, cast<network::v1::Driver>},
      {ipam::v1::Driver::kKind, cast<ipam::v1::Driver>},
      {volume::v1::Driver::kKind, cast<volume::v1::Driver>},
      {runtime::v1::Driver::kKind, cast<runtime::v1::Driver>},
      {registry::v1::Driver::kKind, cast<registry::v1::Driver>},
      {builder::v1::Driver::kKind, cast<builder::v1::Driver>},
      {log::v1::Driver::kKind, cast<log::v1::Driver>}};
  return casts.at(kind)(object);
}

Found load_again(const DriverInfo& driver, const std::string& copy, const Isolation& isolation) {
  Found found;
  if (driver.isolated) {
    found.info = isolation.question(driver.file);
    found.info.isolated = true;
  } else {
    found.library = std::make_shared<const Library>(driver.file, copy);
    found.info = found.library->info();
  }
  if (found.info.kind != driver.kind || found.info.name != driver.name) {
    throw Error{Errc::invalid,
                driver.file + ": this is the " + found.info.kind + " driver \"" + found.info.name + "\" now"};
  }
  if (found.library) question(*found.library, found.info);
  return found;
}

Catalog::Catalog(const std::vector<std::string>& directories, const Isolation& isolation) {
  for (const std::string& directory : directories) {
    for (const std::string& file : files_of(directory)) add(file, isolation);
  }
}

void Catalog::add(const std::string& file, const Isolation& isolation) {
  DriverInfo info;
  info.file = file;
  info.name = fs::path{file}.stem().string();
  try {
    std::shared_ptr<const Library> library;
    if (isolation.any()) info = isolation.question(file);
    info.isolated = isolation.wants(info);
    if (!info.isolated) {
      library = std::make_shared<const Library>(file);
      info = library->info();
    }
    if (const Found* first = find(info.kind, info.name)) {
      throw Error{Errc::conflict, file + ": there is a " + info.kind + " driver \"" + info.name + "\" already, from " +
                                      first->info.file + ", which comes first in the search order"};
    }
    if (library) question(*library, info);
    drivers_.push_back({std::move(library), std::move(info)});
  } catch (const std::exception& error) {
    info.error = error.what();
    // The reason names the file, but for what the driver itself threw.
    if (info.error.find(file) == std::string::npos) info.error = file + ": " + info.error;
    spdlog::error("plugin refused: {}", info.error);
    refused_.push_back(std::move(info));
  }
}

Found* Catalog::find(const std::string& kind, const std::string& name) {
  const auto found = std::ranges::find_if(
      drivers_, [&](const Found& driver) { return driver.info.kind == kind && driver.info.name == name; });
  return found == drivers_.end() ? nullptr : &*found;
}

std::string Catalog::refusal(const std::string& kind, const std::string& name) const {
  for (const DriverInfo& info : refused_) {
    if (info.name == name && (info.kind.empty() || info.kind == kind)) return info.error;
  }
  for (const Found& driver : drivers_) {
    if (driver.info.name == name && driver.info.kind == kind) return driver.info.error;
  }
  return {};
}

std::string Catalog::names(const std::string& kind) const {
  std::string names;
  for (const Found& driver : drivers_) {
    if (driver.info.kind == kind) names += (names.empty() ? "" : ", ") + driver.info.name;
  }
  return names.empty() ? "none" : names;
}

std::string Catalog::names_by_kind() const {
  std::set<std::string> kinds;
  for (const Found& driver : drivers_) kinds.insert(driver.info.kind);
  std::string all;
  for (const std::string& kind : kinds) all += (all.empty() ? "" : "; ") + kind + ": " + names(kind);
  return all.empty() ? "none" : all;
}

std::vector<DriverInfo> Catalog::list() const {
  std::vector<DriverInfo> all;
  for (const Found& driver : drivers_) all.push_back(driver.info);
  all.insert(all.end(), refused_.begin(), refused_.end());
  return all;
}

}  // namespace gantry::plugins
