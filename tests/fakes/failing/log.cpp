#include <csignal>

#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "log_text.hpp"

namespace fake {

/// Its writer's process crashes at a line "crash".
class Log : public sample::LogText {
 public:
  void options(std::vector<gantry::OptionInfo>& out) const override {
    LogText::options(out);
    Failpoints::describe(out);
  }
  void open(gantry::Host& host) override { points_.open(host); }

  void plan(const sample::logs::Subject& subject, const gantry::Options& options, sample::logs::Plan& out,
            const gantry::Call& call) override {
    points_.during("plan", &call, [&] { LogText::plan(subject, options, out, call); });
  }

  using LogText::open;
  void write(const sample::logs::Entry& entry) override {
    if (entry.text == "crash") ::raise(SIGSEGV);
    LogText::write(entry);
  }

 private:
  Failpoints points_;
};

}  // namespace fake

GANTRY_EXPORT_DRIVER(gantry::log::v1::Driver, fake::Log, "fake", "1.0.0")
