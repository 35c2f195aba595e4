#pragma once

#include <optional>
#include <string>

#include "gantry/log.hpp"
#include "journal_socket.hpp"

namespace gantry::journald {

/// Sends each line to systemd's journal by its native protocol.
class Driver : public log::v1::Driver, public log::v1::Writer {
 public:
  void* query(std::string_view ability) noexcept override;
  void capabilities(Capabilities& out) const override { out = {"write"}; }
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void check(const Options& options, const Call& call) override;
  void plan(const log::v1::Subject& subject, const Options& options, log::v1::Plan& out, const Call& call) override;

  void open(const Options& settings) override;
  void write(const log::v1::Entry& entry) override;
  void close() override {}

 private:
  std::string path_;
  // Of a writer:
  std::string fields_;
  std::uint64_t ordinal_ = 0;
  std::optional<JournalSocket> socket_;
};

}  // namespace gantry::journald
