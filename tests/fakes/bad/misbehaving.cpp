#include <poll.h>

#include <stdexcept>
#include <string>

#include "gantry/abi.hpp"
#include "volume_directory.hpp"

namespace {

struct Trouble : std::exception {
  const char* what() const noexcept override { return "of its own making"; }
};

/// Does what the volume's name says.
class Misbehaving : public sample::VolumeDirectory {
 public:
  void create(const std::string& name, const gantry::Options& options, gantry::volume::v1::Volume& out,
              const gantry::Call& call) override {
    if (name == "int") throw 42;
    if (name == "string") throw std::string{"a text"};
    if (name == "exception") throw Trouble{};
    if (name == "error") throw gantry::Error{gantry::Errc::exhausted, "full"};
    if (name == "waits") {
      pollfd cancelled{call.cancel_fd(), POLLIN, 0};
      ::poll(&cancelled, 1, -1);
      call.check();
    }
    if (name == "stuck") {
      for (;;) ::poll(nullptr, 0, -1);
    }
    VolumeDirectory::create(name, options, out, call);
  }
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, Misbehaving, "misbehaving", "1.0.0")
