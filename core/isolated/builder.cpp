#include "gantry/builder.hpp"

#include "isolated/builder_structs.hpp"
#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"
#include "isolated/session.hpp"

/// A builder asks the daemon back while it builds, from several threads at once: its session is the daemon's, and a
/// build brings the socket by which it is called (`Callbacks`).
namespace gantry::isolated {
namespace {

using BuilderDriver = builder::v1::Driver;
using builder::v1::Cache;
using builder::v1::CacheRecord;
using builder::v1::Session;
using builder::v1::Usage;
using BuildRequest = builder::v1::Request;

void build_image(BuilderDriver& driver, const BuildRequest& wanted, const PassedFd& directory, const PassedFd& archive,
                 const PassedFd& callbacks, const std::vector<std::string>& services, ByteSource& context,
                 std::string& out, const Call& call) {
  BuildRequest request = wanted;
  request.directory = directory.fd;
  request.archive = archive.fd;
  SessionProxy session{callbacks.fd, services};
  driver.build(request, context, session, out, call);
}

Cache& cache_of(BuilderDriver& driver) {
  if (auto* cache = static_cast<Cache*>(driver.query(Cache::kAbility))) return *cache;
  throw Error{Errc::unsupported, "the driver does not list what it keeps"};
}

void list_records(BuilderDriver& driver, std::vector<CacheRecord>& out, const Call& call) {
  cache_of(driver).records(out, call);
}

void remove_record(BuilderDriver& driver, const std::string& id, std::uint64_t& freed, const Call& call) {
  cache_of(driver).remove(id, freed, call);
}

using BuilderMethods = MethodList<BuilderDriver, &build_image, &BuilderDriver::usage, &BuilderDriver::prune,
                                  &list_records, &remove_record>;

class BuilderProxy final : public Proxy<BuilderDriver, BuilderMethods>, public Cache {
 public:
  using Proxy::Proxy;

  void build(const BuildRequest& request, ByteSource& context, Session& session, std::string& out,
             const Call& call) override {
    ServedSession served{session, [this](const std::string& why) { remote()->distrust(why); }};
    const Callbacks callbacks{served};
    try {
      invoke<&build_image>(request, PassedFd{request.directory}, PassedFd{request.archive},
                           PassedFd{callbacks.theirs()}, services_of(session), context, out, call);
    } catch (const DriverLost& lost) {
      // In the middle of a command perhaps.
      throw DriverLost{served.abandon(lost.what())};
    } catch (const std::exception& error) {
      if (!served.end()) served.abandon(error.what());
      throw;
    }
    if (served.end()) return;
    // Nobody waits for the answer, and the build would wait for the question.
    throw DriverLost{served.abandon("builder driver \"" + remote()->description().name +
                                    "\" ended the build in the middle of a question of its own")};
  }
  void usage(Usage& out, const Call& call) override { invoke<&BuilderDriver::usage>(out, call); }
  void prune(Usage& out, const Call& call) override { invoke<&BuilderDriver::prune>(out, call); }

  void records(std::vector<CacheRecord>& out, const Call& call) override { invoke<&list_records>(out, call); }
  void remove(const std::string& id, std::uint64_t& freed, const Call& call) override {
    invoke<&remove_record>(id, freed, call);
  }

 private:
  void* ability(std::string_view name) noexcept override {
    return name == Cache::kAbility ? static_cast<Cache*>(this) : nullptr;
  }
};

}  // namespace

const Kind kBuilderKind{
    BuilderDriver::kKind,
    [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
      return std::shared_ptr<BuilderDriver>{std::make_shared<BuilderProxy>(std::move(remote), lesson)};
    },
    &BuilderMethods::serve,
    {Cache::kAbility}};

}  // namespace gantry::isolated
