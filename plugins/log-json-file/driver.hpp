#pragma once

#include "gantry/log.hpp"

namespace gantry::json_file {

/// Docker's json-file logs: the runtime writes them, this plans them and reads them back.
class Driver : public log::v1::Driver, public log::v1::Reader, public log::v1::Instant {
 public:
  void* query(std::string_view ability) noexcept override;
  void capabilities(Capabilities& out) const override { out = {"read", "path", "instant"}; }
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void check(const Options& options, const Call& call) override;
  void plan(const log::v1::Subject& subject, const Options& options, log::v1::Plan& out, const Call& call) override;

  std::unique_ptr<log::v1::Cursor> read(const log::v1::Subject& subject, const Options& options,
                                        const log::v1::ReadRequest& request, const Call& call) override;
  void clear(const log::v1::Subject& subject, const Options& options, const Call& call) override;

  [[nodiscard]] bool answers_at_once(const Options& options) const noexcept override;
};

}  // namespace gantry::json_file
