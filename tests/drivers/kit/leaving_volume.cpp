#include <sys/mount.h>

#include "gantry/abi.hpp"
#include "volume_directory.hpp"

// Its volumes are no directories of the host's, and are mounted until they are given back.
namespace {

using namespace gantry;

class LeavingVolume : public sample::VolumeDirectory {
 public:
  void mount(const std::string& name, const std::string& user, Mount& out, const Call& call) override {
    VolumeDirectory::mount(name, user, out, call);
    if (::mount("none", out.source.c_str(), "tmpfs", 0, nullptr) != 0) throw Error{Errc::io, "tmpfs"};
    out.type = "tmpfs";
  }
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, LeavingVolume, "leaving", "1.0.0")
