#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "volume_directory.hpp"

// Stands for plugins whose names begin with "slow", and "fake", with a failpoint in the opening of each.
namespace {

using namespace gantry;

class StandIn : public sample::VolumeDirectory {
 public:
  void capabilities(Capabilities& out) const override { out = {"named-plugins", "any-options"}; }

  void options(std::vector<OptionInfo>& out) const override {
    VolumeDirectory::options(out);
    fake::Failpoints::describe(out);
    out.push_back({"plugin", OptionType::text, OptionScope::driver, "", "the plugin's name"});
  }

  void open(Host& host) override {
    const std::string& name = host.options().at("plugin");
    if (name.empty()) return;
    if (!name.starts_with("slow") && name != "fake") throw Error{Errc::not_found, "no plugin " + name};
    points_.open(host);
    points_.during("open", nullptr, [&] { VolumeDirectory::open(host); });
  }

  // The failpoints' own files are no volumes.
  void list(std::vector<std::string>&, const Call&) override {}

 private:
  fake::Failpoints points_;
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, StandIn, "stand-in", "1.0.0")
