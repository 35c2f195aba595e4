#include <fstream>

#include "gantry/abi.hpp"
#include "volume_directory.hpp"

// An option says where its volumes are, outside of its own directories; a new one has a file of the driver's in it.
namespace {

using namespace gantry;

class HostOfElsewhere : public Host {
 public:
  explicit HostOfElsewhere(Host& host) : host_(host) {}
  std::string data_dir() const override { return options().at("base"); }
  std::string exec_dir() const override { return host_.exec_dir(); }
  std::string libexec_dir() const override { return host_.libexec_dir(); }
  const Options& options() const override { return host_.options(); }
  void log(LogLevel level, std::string_view message) const noexcept override { host_.log(level, message); }
  void* query(std::string_view service) noexcept override { return host_.query(service); }

 private:
  Host& host_;
};

class VolumeElsewhere : public sample::VolumeDirectory {
 public:
  void options(std::vector<OptionInfo>& out) const override {
    VolumeDirectory::options(out);
    out.push_back({"base", OptionType::path, OptionScope::driver, "", "where the volumes are"});
  }
  void open(Host& host) override {
    HostOfElsewhere elsewhere{host};
    VolumeDirectory::open(elsewhere);
  }
  void create(const std::string& name, const Options& options, volume::v1::Volume& out, const Call& call) override {
    VolumeDirectory::create(name, options, out, call);
    std::ofstream{out.mountpoint + "/hello"} << "hello";
  }
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, VolumeElsewhere, "elsewhere", "1.0.0")
