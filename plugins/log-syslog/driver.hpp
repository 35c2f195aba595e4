#pragma once

#include <optional>

#include "gantry/log.hpp"
#include "message.hpp"
#include "server.hpp"

namespace gantry::log_syslog {

/// Sends each line to a syslog server, as dockerd does.
class Driver : public log::v1::Driver, public log::v1::Writer {
 public:
  void* query(std::string_view ability) noexcept override;
  void capabilities(Capabilities& out) const override { out = {"write"}; }
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& /*host*/) override {}

  void check(const Options& options, const Call& call) override;
  void plan(const log::v1::Subject& subject, const Options& options, log::v1::Plan& out, const Call& call) override;

  void open(const Options& settings) override;
  void write(const log::v1::Entry& entry) override;
  void close() override {}

 private:
  Style style_;
  std::optional<Server> server_;
};

}  // namespace gantry::log_syslog
