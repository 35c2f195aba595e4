#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "registry_directory.hpp"

namespace {

using namespace gantry;
using namespace gantry::registry::v1;

class Failing : public sample::RegistryDirectory {
 public:
  void options(std::vector<OptionInfo>& out) const override {
    RegistryDirectory::options(out);
    fake::Failpoints::describe(out);
  }

  void open(Host& host) override {
    points_.open(host);
    points_.during("open", nullptr, [&] { RegistryDirectory::open(host); });
  }

  void get_manifest(const Repository& repository, const std::string& reference, const Credentials& credentials,
                    Manifest& out, const Call& call) override {
    points_.during("get_manifest", &call,
                   [&] { return RegistryDirectory::get_manifest(repository, reference, credentials, out, call); });
  }

  void get_blob(const Repository& repository, const registry::v1::Descriptor& blob, std::uint64_t offset,
                const Credentials& credentials, ByteSink& sink, const Call& call) override {
    points_.during("get_blob", &call,
                   [&] { return RegistryDirectory::get_blob(repository, blob, offset, credentials, sink, call); });
  }

  bool has_blob(const Repository& repository, const registry::v1::Descriptor& blob, const Credentials& credentials,
                const Call& call) override {
    return points_.during("has_blob", &call,
                          [&] { return RegistryDirectory::has_blob(repository, blob, credentials, call); });
  }

  bool put_blob(const Repository& repository, const registry::v1::Descriptor& blob,
                const std::vector<std::string>& mount_from, const Credentials& credentials, ByteSource& source,
                const Call& call) override {
    return points_.during("put_blob", &call, [&] {
      return RegistryDirectory::put_blob(repository, blob, mount_from, credentials, source, call);
    });
  }

  void put_manifest(const Repository& repository, const std::string& reference, const Manifest& manifest,
                    const Credentials& credentials, const Call& call) override {
    points_.during("put_manifest", &call,
                   [&] { return RegistryDirectory::put_manifest(repository, reference, manifest, credentials, call); });
  }

  void list_tags(const Repository& repository, const Credentials& credentials, std::vector<std::string>& out,
                 const Call& call) override {
    points_.during("list_tags", &call,
                   [&] { return RegistryDirectory::list_tags(repository, credentials, out, call); });
  }

  void login(const std::string& host, const Credentials& credentials, std::string& identity_token,
             const Call& call) override {
    points_.during("login", &call, [&] { return RegistryDirectory::login(host, credentials, identity_token, call); });
  }

  void search(const std::string& host, const std::string& term, int limit, const Credentials& credentials,
              std::vector<SearchResult>& out, const Call& call) override {
    points_.during("search", &call,
                   [&] { return RegistryDirectory::search(host, term, limit, credentials, out, call); });
  }

 private:
  fake::Failpoints points_;
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::registry::v1::Driver, Failing, "fake", "1.0.0")
