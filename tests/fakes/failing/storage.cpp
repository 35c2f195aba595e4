#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "storage_directory.hpp"

namespace {

using namespace gantry;
using namespace gantry::storage::v1;

class Failing : public sample::StorageDirectory {
 public:
  void options(std::vector<OptionInfo>& out) const override {
    StorageDirectory::options(out);
    fake::Failpoints::describe(out);
  }

  void open(Host& host) override {
    points_.open(host);
    points_.during("open", nullptr, [&] { StorageDirectory::open(host); });
  }

  void apply(const ChainId& id, const std::vector<ChainId>& parents, ByteSource& tar, AppliedLayer& out,
             const Call& call) override {
    points_.during("apply", &call, [&] { return StorageDirectory::apply(id, parents, tar, out, call); });
  }

  void remove_layer(const ChainId& id, const Call& call) override {
    points_.during("remove_layer", &call, [&] { return StorageDirectory::remove_layer(id, call); });
  }

  void prepare(const Key& key, const std::vector<ChainId>& layers, const PrepareOptions& options,
               std::vector<Mount>& out, const Call& call) override {
    points_.during("prepare", &call, [&] { return StorageDirectory::prepare(key, layers, options, out, call); });
  }

  void mounts(const Key& key, std::vector<Mount>& out, const Call& call) override {
    points_.during("mounts", &call, [&] { return StorageDirectory::mounts(key, out, call); });
  }

  void remove(const Key& key, const Call& call) override {
    points_.during("remove", &call, [&] { return StorageDirectory::remove(key, call); });
  }

  void usage(const Key& key, Usage& out, const Call& call) override {
    points_.during("usage", &call, [&] { return StorageDirectory::usage(key, out, call); });
  }

  void changes(const Key& key, std::vector<Change>& out, const Call& call) override {
    points_.during("changes", &call, [&] { return StorageDirectory::changes(key, out, call); });
  }

  void diff(const Key& key, ByteSink& tar, const Call& call) override {
    points_.during("diff", &call, [&] { return StorageDirectory::diff(key, tar, call); });
  }

  void list(Holdings& out, const Call& call) override {
    points_.during("list", &call, [&] { return StorageDirectory::list(out, call); });
  }

 private:
  fake::Failpoints points_;
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::storage::v1::Driver, Failing, "fake", "1.0.0")
