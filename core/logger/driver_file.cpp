#include "logger/driver_file.hpp"

#include <dlfcn.h>

#include <cstring>
#include <string_view>

#include "gantry/abi.hpp"

namespace gantry::logger {

std::shared_ptr<log::v1::Driver> load_driver(const std::string& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const auto refuse = [&file](const std::string& why) { throw Error{Errc::invalid, file + ": " + why}; };
  if (library == nullptr) refuse(::dlerror());
  const auto* descriptor = static_cast<const Descriptor*>(::dlsym(library, kDescriptorSymbol));
  if (descriptor == nullptr || std::memcmp(descriptor->magic, kDescriptorMagic, sizeof kDescriptorMagic) != 0) {
    refuse("is no driver");
  }
  // The file may have been replaced since the daemon looked at it.
  if (std::string_view{descriptor->abi_tag} != GANTRY_ABI_TAG || std::string_view{descriptor->kind} != "log" ||
      descriptor->interface_major != log::v1::Driver::kMajor) {
    refuse("is no log driver for this version");
  }
  return {static_cast<log::v1::Driver*>(descriptor->make()), descriptor->destroy};
}

log::v1::Writer& writer_of(log::v1::Driver& driver) {
  auto* writer = static_cast<log::v1::Writer*>(driver.query(log::v1::Writer::kAbility));
  if (writer == nullptr) throw Error{Errc::unsupported, "the driver writes nothing"};
  return *writer;
}

}  // namespace gantry::logger
