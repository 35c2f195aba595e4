#pragma once

#include <map>
#include <optional>

#include "forward.hpp"
#include "gantry/log.hpp"
#include "queue.hpp"

namespace gantry::fluentd {

/// Sends each line to Fluentd or Fluent Bit by the forward protocol, as dockerd does.
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
  void close() override;

 private:
  [[nodiscard]] Message message_of(const log::v1::Entry& entry) const;

  Settings settings_;
  std::string tag_;
  std::map<std::string, std::string> record_;  ///< What all messages of the container have in common.
  std::optional<Forward> server_;
  std::optional<Queue> queue_;  // behind `server_`, which its thread uses
};

}  // namespace gantry::fluentd
