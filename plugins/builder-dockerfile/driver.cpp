#include "driver.hpp"

#include <fcntl.h>

#include "build.hpp"
#include "build_origins.hpp"
#include "context.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/scratch.hpp"
#include "lent_files.hpp"
#include "text.hpp"

namespace gantry::dockerfile {

void Driver::capabilities(Capabilities& out) const { out.clear(); }

void Driver::options(std::vector<OptionInfo>& out) const {
  out = {{"download-limit", OptionType::size, OptionScope::driver, "8g",
          "the most that ADD of an address or a remote context may bring"}};
}

void Driver::open(Host& host) {
  work_ = host.data_dir() + "/work";
  // What a killed daemon was building, and with what.
  lent_ = host.exec_dir();
  LentFiles::remove_left(lent_);
  layer_archive::make_empty(host, work_);
  const std::string caches = host.data_dir() + "/cache-mounts";
  layer_archive::make_directory(AT_FDCWD, caches, 0700);
  cache_mounts_ = std::make_unique<CacheMounts>(caches);
  fetch_program_ = host.libexec_dir() + "/gantry-fetch";
  download_limit_ = parse_size(host.options().at("download-limit"));
}

void Driver::build(const builder::v1::Request& request, ByteSource& context, builder::v1::Session& session,
                   std::string& out, const Call& call) {
  SshAccess ssh{session, lent_};
  const Fetcher fetcher{fetch_program_, download_limit_, ssh};
  Context files{work_, request, context, fetcher, sums_, origins_of(session) != nullptr, call};
  out = Build{request, files, {*cache_mounts_, fetcher, lent_}, session, call}.run();
}

void* Driver::query(std::string_view ability) noexcept {
  return ability == builder::v1::Cache::kAbility ? static_cast<builder::v1::Cache*>(this) : nullptr;
}

void Driver::records(std::vector<builder::v1::CacheRecord>& out, const Call& call) {
  out = cache_mounts_->records(call);
}

void Driver::remove(const std::string& id, std::uint64_t& freed, const Call& call) {
  freed = cache_mounts_->remove(id, call);
}

void Driver::usage(builder::v1::Usage& out, const Call& call) { out.size = cache_mounts_->size(call); }

void Driver::prune(builder::v1::Usage& out, const Call& call) { out.size = cache_mounts_->prune(call); }

}  // namespace gantry::dockerfile
