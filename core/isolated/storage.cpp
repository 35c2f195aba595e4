#include "gantry/storage.hpp"

#include "gantry/top_places.hpp"
#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"

namespace gantry::isolated {
namespace {

using StorageDriver = storage::v1::Driver;
using storage::v1::TopPlaces;

void places_of_top(StorageDriver& driver, const std::string& key, std::map<std::string, std::string>& out,
                   const Call& call) {
  auto* places = static_cast<TopPlaces*>(driver.query(TopPlaces::kAbility));
  if (places == nullptr) throw Error{Errc::unsupported, "the driver does not tell where a top is"};
  places->places(key, out, call);
}

using StorageMethods =
    MethodList<StorageDriver, &StorageDriver::apply, &StorageDriver::remove_layer, &StorageDriver::prepare,
               &StorageDriver::mounts, &StorageDriver::remove, &StorageDriver::usage, &StorageDriver::changes,
               &StorageDriver::diff, &StorageDriver::list, &places_of_top>;

class StorageProxy final : public Proxy<StorageDriver, StorageMethods>, public TopPlaces {
 public:
  using Proxy::Proxy;

  void apply(const storage::v1::ChainId& id, const std::vector<storage::v1::ChainId>& parents, ByteSource& tar,
             storage::v1::AppliedLayer& out, const Call& call) override {
    invoke<&StorageDriver::apply>(id, parents, tar, out, call);
  }
  void remove_layer(const storage::v1::ChainId& id, const Call& call) override {
    invoke<&StorageDriver::remove_layer>(id, call);
  }
  void prepare(const storage::v1::Key& key, const std::vector<storage::v1::ChainId>& layers,
               const storage::v1::PrepareOptions& options, std::vector<Mount>& out, const Call& call) override {
    invoke<&StorageDriver::prepare>(key, layers, options, out, call);
  }
  void mounts(const storage::v1::Key& key, std::vector<Mount>& out, const Call& call) override {
    invoke<&StorageDriver::mounts>(key, out, call);
  }
  void remove(const storage::v1::Key& key, const Call& call) override { invoke<&StorageDriver::remove>(key, call); }
  void usage(const storage::v1::Key& key, storage::v1::Usage& out, const Call& call) override {
    invoke<&StorageDriver::usage>(key, out, call);
  }
  void changes(const storage::v1::Key& key, std::vector<storage::v1::Change>& out, const Call& call) override {
    invoke<&StorageDriver::changes>(key, out, call);
  }
  void diff(const storage::v1::Key& key, ByteSink& tar, const Call& call) override {
    invoke<&StorageDriver::diff>(key, tar, call);
  }
  void list(storage::v1::Holdings& out, const Call& call) override { invoke<&StorageDriver::list>(out, call); }

  void places(const std::string& key, std::map<std::string, std::string>& out, const Call& call) override {
    invoke<&places_of_top>(key, out, call);
  }

 private:
  void* ability(std::string_view name) noexcept override {
    return name == TopPlaces::kAbility ? static_cast<TopPlaces*>(this) : nullptr;
  }
};

}  // namespace

const Kind kStorageKind{
    StorageDriver::kKind,
    [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
      return std::shared_ptr<StorageDriver>{std::make_shared<StorageProxy>(std::move(remote), lesson)};
    },
    &StorageMethods::serve,
    {TopPlaces::kAbility}};

}  // namespace gantry::isolated
