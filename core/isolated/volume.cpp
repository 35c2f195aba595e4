#include "gantry/volume.hpp"

#include "gantry/volume_copier.hpp"
#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"

namespace gantry::isolated {
namespace {

volume::v1::Copier& copier_of(volume::v1::Driver& driver) {
  if (auto* copier = static_cast<volume::v1::Copier*>(driver.query(volume::v1::kCopier))) return *copier;
  throw Error{Errc::unsupported, "the driver does not copy volumes"};
}

void clone_volume(volume::v1::Driver& driver, const std::string& from, const std::string& to, volume::v1::Volume& out,
                  const Call& call) {
  copier_of(driver).clone(from, to, out, call);
}

void rename_volume(volume::v1::Driver& driver, const std::string& from, const std::string& to, volume::v1::Volume& out,
                   const Call& call) {
  copier_of(driver).rename(from, to, out, call);
}

using VolumeMethods = MethodList<volume::v1::Driver, &volume::v1::Driver::create, &volume::v1::Driver::remove,
                                 &volume::v1::Driver::inspect, &volume::v1::Driver::mount, &volume::v1::Driver::unmount,
                                 &volume::v1::Driver::usage, &volume::v1::Driver::list, &clone_volume, &rename_volume>;

class VolumeProxy final : public Proxy<volume::v1::Driver, VolumeMethods>, public volume::v1::Copier {
 public:
  using Proxy::Proxy;

  void create(const std::string& name, const Options& options, volume::v1::Volume& out, const Call& call) override {
    invoke<&volume::v1::Driver::create>(name, options, out, call);
  }
  void remove(const std::string& name, const Call& call) override { invoke<&volume::v1::Driver::remove>(name, call); }
  void inspect(const std::string& name, volume::v1::Volume& out, const Call& call) override {
    invoke<&volume::v1::Driver::inspect>(name, out, call);
  }
  void mount(const std::string& name, const std::string& user, Mount& out, const Call& call) override {
    invoke<&volume::v1::Driver::mount>(name, user, out, call);
  }
  void unmount(const std::string& name, const std::string& user, const Call& call) override {
    invoke<&volume::v1::Driver::unmount>(name, user, call);
  }
  void usage(const std::string& name, volume::v1::Usage& out, const Call& call) override {
    invoke<&volume::v1::Driver::usage>(name, out, call);
  }
  void list(std::vector<std::string>& out, const Call& call) override { invoke<&volume::v1::Driver::list>(out, call); }

  void clone(const std::string& from, const std::string& to, volume::v1::Volume& out, const Call& call) override {
    invoke<&clone_volume>(from, to, out, call);
  }
  void rename(const std::string& from, const std::string& to, volume::v1::Volume& out, const Call& call) override {
    invoke<&rename_volume>(from, to, out, call);
  }

 private:
  void* ability(std::string_view name) noexcept override {
    return name == volume::v1::kCopier ? static_cast<volume::v1::Copier*>(this) : nullptr;
  }
};

}  // namespace

const Kind kVolumeKind{
    volume::v1::Driver::kKind,
    [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
      return std::shared_ptr<volume::v1::Driver>{std::make_shared<VolumeProxy>(std::move(remote), lesson)};
    },
    &VolumeMethods::serve,
    {std::string{volume::v1::kCopier}}};

}  // namespace gantry::isolated
