#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "volume_directory.hpp"

namespace {

using namespace gantry;
using namespace gantry::volume::v1;

class Failing : public sample::VolumeDirectory {
 public:
  ~Failing() override { points_.at_end(); }

  void options(std::vector<OptionInfo>& out) const override {
    VolumeDirectory::options(out);
    fake::Failpoints::describe(out);
  }

  void open(Host& host) override {
    points_.open(host);
    points_.during("open", nullptr, [&] { VolumeDirectory::open(host); });
  }

  void create(const std::string& name, const Options& options, Volume& out, const Call& call) override {
    points_.during("create", &call, [&] { return VolumeDirectory::create(name, options, out, call); });
  }

  void remove(const std::string& name, const Call& call) override {
    points_.during("remove", &call, [&] { return VolumeDirectory::remove(name, call); });
  }

  void inspect(const std::string& name, Volume& out, const Call& call) override {
    points_.during("inspect", &call, [&] { return VolumeDirectory::inspect(name, out, call); });
  }

  void mount(const std::string& name, const std::string& user, Mount& out, const Call& call) override {
    points_.during("mount", &call, [&] { return VolumeDirectory::mount(name, user, out, call); });
  }

  void unmount(const std::string& name, const std::string& user, const Call& call) override {
    points_.during("unmount", &call, [&] { return VolumeDirectory::unmount(name, user, call); });
  }

  void usage(const std::string& name, Usage& out, const Call& call) override {
    points_.during("usage", &call, [&] { return VolumeDirectory::usage(name, out, call); });
  }

  void list(std::vector<std::string>& out, const Call& call) override {
    points_.during("list", &call, [&] { return VolumeDirectory::list(out, call); });
  }

 private:
  fake::Failpoints points_;
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, Failing, "fake", "1.0.0")
