#pragma once

#include <memory>
#include <string>

#include "cache_mounts.hpp"
#include "fetcher.hpp"
#include "gantry/builder.hpp"
#include "sum_memory.hpp"

namespace gantry::dockerfile {

/// Builds images from Dockerfiles.
class Driver final : public builder::v1::Driver, public builder::v1::Cache {
 public:
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;
  void* query(std::string_view ability) noexcept override;

  void build(const builder::v1::Request& request, ByteSource& context, builder::v1::Session& session, std::string& out,
             const Call& call) override;
  void usage(builder::v1::Usage& out, const Call& call) override;
  void prune(builder::v1::Usage& out, const Call& call) override;

  void records(std::vector<builder::v1::CacheRecord>& out, const Call& call) override;
  void remove(const std::string& id, std::uint64_t& freed, const Call& call) override;

 private:
  std::string work_;
  std::string lent_;
  std::unique_ptr<CacheMounts> cache_mounts_;
  std::string fetch_program_;
  std::uint64_t download_limit_{};
  SumMemory sums_;
};

}  // namespace gantry::dockerfile
