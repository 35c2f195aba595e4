#pragma once

#include <optional>

#include "endpoint.hpp"
#include "gantry/log.hpp"

namespace gantry::gelf {

/// Sends each line to a server that takes GELF (Graylog, Logstash), as dockerd does.
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
  std::string host_;
  std::string members_;
  std::optional<Endpoint> endpoint_;
};

}  // namespace gantry::gelf
