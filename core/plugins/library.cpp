#define BOOST_DLL_USE_STD_FS
#include "plugins/library.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/dll/library_info.hpp>
#include <boost/dll/shared_library.hpp>
#include <cstring>

#include "base/fatal_signal.hpp"
#include "base/file.hpp"
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

struct Interface {
  std::string_view kind;
  std::uint16_t major;
  std::uint16_t minor;
};

template <class Driver>
constexpr Interface interface_of() {
  return {Driver::kKind, Driver::kMajor, Driver::kMinor};
}

constexpr std::size_t kLargestFile = std::size_t{256} << 20;

constexpr std::array kInterfaces{interface_of<storage::v1::Driver>(),  interface_of<network::v1::Driver>(),
                                 interface_of<volume::v1::Driver>(),   interface_of<runtime::v1::Driver>(),
                                 interface_of<registry::v1::Driver>(), interface_of<builder::v1::Driver>(),
                                 interface_of<log::v1::Driver>(),      interface_of<ipam::v1::Driver>()};

std::string version(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }

[[noreturn]] void refuse(Errc code, const std::string& file, const std::string& reason) {
  throw Error{code, file + ": " + reason};
}

/// Whether the daemon's own program lies below the directory: who could replace that needs no driver.
bool holds_daemon(const fs::path& directory) {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  return std::ranges::mismatch(directory, program).in1 == directory.end();
}

/// A directory above a driver's: in one with the sticky bit others have their own entries only.
void check_above(const std::string& file, const fs::path& checked) {
  if (holds_daemon(checked)) return;
  struct stat status {};
  if (::lstat(checked.c_str(), &status) != 0) throw_errno(checked.string());
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    refuse(Errc::denied, file,
           checked.string() + " belongs to user " + std::to_string(status.st_uid) +
               ": the folders that a driver is in must be root's");
  }
  const mode_t others = status.st_gid == 0 ? S_IWOTH : S_IWGRP | S_IWOTH;
  if ((status.st_mode & others) != 0 && (status.st_mode & S_ISVTX) == 0) {
    refuse(Errc::denied, file,
           checked.string() +
               " can be written by others than its owner: the folders that a driver is in must not (chmod go-w)");
  }
}

void check_owner(const std::string& file, const fs::path& checked) {
  struct stat status {};
  if (::lstat(checked.c_str(), &status) != 0) throw_errno(checked.string());
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    refuse(Errc::denied, file,
           checked.string() + " belongs to user " + std::to_string(status.st_uid) +
               ": a driver and its folder must be root's");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    refuse(
        Errc::denied, file,
        checked.string() + " can be written by others than its owner: a driver and its folder must not (chmod go-w)");
  }
}

/// Looks into the file's table of symbols, without loading it; `file` is for the message.
void scan_symbols(const std::string& scanned, const std::string& file) {
  std::vector<std::string> symbols;
  try {
    symbols = boost::dll::library_info{scanned}.symbols();
  } catch (const std::exception&) {
    // Boost's reason names a stream of its own, not what is wrong with the file.
    refuse(Errc::invalid, file, "not a shared object of this machine's");
  }
  if (std::ranges::find(symbols, kDescriptorSymbol) == symbols.end()) {
    refuse(Errc::invalid, file, std::string{"not a gantry driver: it has no symbol \""} + kDescriptorSymbol + "\"");
  }
}

bool is_driver_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 32 && plain(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

void check_interface(const Descriptor& descriptor, const std::string& file) {
  const auto known = std::ranges::find(kInterfaces, std::string_view{descriptor.kind}, &Interface::kind);
  if (known == kInterfaces.end()) {
    std::string kinds;
    for (const Interface& interface : kInterfaces) kinds += (kinds.empty() ? "" : ", ") + std::string{interface.kind};
    refuse(Errc::invalid, file, std::string{"unknown kind \""} + descriptor.kind + "\"; this gantryd has " + kinds);
  }
  if (descriptor.interface_major != known->major || descriptor.interface_minor > known->minor) {
    refuse(Errc::invalid, file,
           std::string{"built for "} + descriptor.kind + " interface " +
               version(descriptor.interface_major, descriptor.interface_minor) + "; this gantryd has " +
               version(known->major, known->minor));
  }
}

}  // namespace

// From the top: what is in a directory that only root can change stays what it was when the next one is looked at. So
// the path may be used as it is; the loader goes by names, and would take /proc/self/fd/N for another file of that
// number which it has loaded before.
fs::path check_ownership(const fs::path& file) {
  fs::path real = fs::canonical(file);
  const fs::path folder = real.parent_path();
  fs::path above;
  for (const fs::path& part : folder) {
    above /= part;
    if (above != folder) check_above(file.string(), above);
  }
  check_owner(file.string(), folder);
  check_owner(file.string(), real);
  return real;
}

void check_descriptor(const Descriptor& descriptor, const std::string& file) {
  if (std::memcmp(descriptor.magic, kDescriptorMagic, sizeof kDescriptorMagic) != 0) {
    refuse(Errc::invalid, file, "not a gantry driver: its descriptor has the wrong magic number");
  }
  if (descriptor.size < sizeof(Descriptor)) {
    refuse(Errc::invalid, file,
           "its descriptor has " + std::to_string(descriptor.size) + " bytes instead of " +
               std::to_string(sizeof(Descriptor)));
  }
  // A driver from a newer minor writes to members that this daemon's structs do not have.
  if (descriptor.api_major != GANTRY_API_MAJOR || descriptor.api_minor > GANTRY_API_MINOR) {
    refuse(Errc::invalid, file,
           "built for plugin API " + version(descriptor.api_major, descriptor.api_minor) + "; this gantryd has " +
               version(GANTRY_API_MAJOR, GANTRY_API_MINOR));
  }
  if (descriptor.abi_tag == nullptr || std::string_view{descriptor.abi_tag} != GANTRY_ABI_TAG) {
    refuse(Errc::invalid, file,
           std::string{"built with ABI \""} + (descriptor.abi_tag == nullptr ? "" : descriptor.abi_tag) +
               "\"; this gantryd needs \"" GANTRY_ABI_TAG "\"");
  }
  if (descriptor.kind == nullptr || descriptor.name == nullptr || descriptor.version == nullptr ||
      descriptor.make == nullptr || descriptor.destroy == nullptr) {
    refuse(Errc::invalid, file, "its descriptor lacks a member");
  }
  check_interface(descriptor, file);
  if (!is_driver_name(descriptor.name)) {
    refuse(Errc::invalid, file,
           std::string{"the name \""} + descriptor.name +
               "\" is not of the form [a-z0-9][a-z0-9_.-]*, at most 32 characters");
  }
}

Library::Library(const fs::path& file) : file_(file.string()) {
  const fs::path real = check_ownership(file);
  scan_symbols(real.string(), file_);
  load(real);
}

Library::Library(const fs::path& file, const fs::path& copy) : file_(file.string()) {
  const fs::path real = check_ownership(file);
  struct Removal {
    const fs::path& path;
    ~Removal() {
      std::error_code ignored;
      fs::remove(path, ignored);
    }
  } const removal{copy};
  write_file_atomically(copy, read_file(real, kLargestFile), 0600);
  scan_symbols(copy.string(), file_);
  load(copy);
}

Library::Library(const fs::path& file, int opened) : file_(file.string()) {
  const fs::path held = "/proc/self/fd/" + std::to_string(opened);
  check_owner(file_, held);
  scan_symbols(held.string(), file_);
  load(held);
}

void Library::load(const fs::path& from) {
  const auto library = std::make_shared<boost::dll::shared_library>();
  std::error_code failed;
  const Doing doing{"the loading of ", "", file_.c_str()};
  note_shared_objects();  // what came meanwhile: its code runs in this one's loading
  library->load(from, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local, failed);
  if (failed) refuse(Errc::invalid, file_, "cannot be loaded: " + failed.message());
  note_shared_objects(file_, from.string());
  descriptor_ = &library->get<const Descriptor>(kDescriptorSymbol);
  handle_ = library;
  check_descriptor(*descriptor_, file_);
}

DriverInfo Library::info() const {
  DriverInfo info;
  info.kind = descriptor_->kind;
  info.name = descriptor_->name;
  info.version = descriptor_->version;
  info.interface = info.kind + "/" + version(descriptor_->interface_major, descriptor_->interface_minor);
  info.file = file_;
  return info;
}

std::shared_ptr<void> Library::make() const {
  const DriverInfo driver = info();
  void* made = translated(driver, [this] { return descriptor_->make(); });
  if (made == nullptr) throw Error{Errc::internal, "driver \"" + driver.name + "\" made no object"};
  // The object keeps its library.
  return {made, [library = handle_, destroy = descriptor_->destroy](void* object) { destroy(object); }};
}

}  // namespace gantry::plugins
