#include "gantry/registry.hpp"

#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"

namespace gantry::isolated {
namespace {

using RegistryDriver = registry::v1::Driver;
using registry::v1::Credentials;
using registry::v1::Repository;

using RegistryMethods = MethodList<RegistryDriver, &RegistryDriver::get_manifest, &RegistryDriver::get_blob,
                                   &RegistryDriver::has_blob, &RegistryDriver::put_blob, &RegistryDriver::put_manifest,
                                   &RegistryDriver::list_tags, &RegistryDriver::login, &RegistryDriver::search>;

class RegistryProxy final : public Proxy<RegistryDriver, RegistryMethods> {
 public:
  using Proxy::Proxy;

  void get_manifest(const Repository& repository, const std::string& reference, const Credentials& credentials,
                    registry::v1::Manifest& out, const Call& call) override {
    invoke<&RegistryDriver::get_manifest>(repository, reference, credentials, out, call);
  }
  void get_blob(const Repository& repository, const registry::v1::Descriptor& blob, std::uint64_t offset,
                const Credentials& credentials, ByteSink& sink, const Call& call) override {
    invoke<&RegistryDriver::get_blob>(repository, blob, offset, credentials, sink, call);
  }
  bool has_blob(const Repository& repository, const registry::v1::Descriptor& blob, const Credentials& credentials,
                const Call& call) override {
    return invoke<&RegistryDriver::has_blob>(repository, blob, credentials, call);
  }
  bool put_blob(const Repository& repository, const registry::v1::Descriptor& blob,
                const std::vector<std::string>& mount_from, const Credentials& credentials, ByteSource& source,
                const Call& call) override {
    return invoke<&RegistryDriver::put_blob>(repository, blob, mount_from, credentials, source, call);
  }
  void put_manifest(const Repository& repository, const std::string& reference, const registry::v1::Manifest& manifest,
                    const Credentials& credentials, const Call& call) override {
    invoke<&RegistryDriver::put_manifest>(repository, reference, manifest, credentials, call);
  }
  void list_tags(const Repository& repository, const Credentials& credentials, std::vector<std::string>& out,
                 const Call& call) override {
    invoke<&RegistryDriver::list_tags>(repository, credentials, out, call);
  }
  void login(const std::string& host, const Credentials& credentials, std::string& identity_token,
             const Call& call) override {
    invoke<&RegistryDriver::login>(host, credentials, identity_token, call);
  }
  void search(const std::string& host, const std::string& term, int limit, const Credentials& credentials,
              std::vector<registry::v1::SearchResult>& out, const Call& call) override {
    invoke<&RegistryDriver::search>(host, term, limit, credentials, out, call);
  }
};

}  // namespace

const Kind kRegistryKind{
    RegistryDriver::kKind,
    [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
      return std::shared_ptr<RegistryDriver>{std::make_shared<RegistryProxy>(std::move(remote), lesson)};
    },
    &RegistryMethods::serve,
    {}};

}  // namespace gantry::isolated
