#include "failpoints.hpp"
#include "gantry/abi.hpp"
#include "runtime_plain.hpp"

namespace {

using namespace gantry;
using namespace gantry::runtime::v1;

class Failing : public sample::RuntimePlain {
 public:
  void options(std::vector<OptionInfo>& out) const override {
    RuntimePlain::options(out);
    fake::Failpoints::describe(out);
  }

  void open(Host& host) override {
    points_.open(host);
    points_.during("open", nullptr, [&] { RuntimePlain::open(host); });
  }

  void create(const Spec& spec, Running& out, const Call& call) override {
    points_.during("create", &call, [&] { return RuntimePlain::create(spec, out, call); });
  }

  void start(const std::string& id, const Call& call) override {
    points_.during("start", &call, [&] { return RuntimePlain::start(id, call); });
  }

  void signal(const std::string& id, const std::string& exec_id, int signal, const Call& call) override {
    points_.during("signal", &call, [&] { return RuntimePlain::signal(id, exec_id, signal, call); });
  }

  void pause(const std::string& id, const Call& call) override {
    points_.during("pause", &call, [&] { return RuntimePlain::pause(id, call); });
  }

  void resume(const std::string& id, const Call& call) override {
    points_.during("resume", &call, [&] { return RuntimePlain::resume(id, call); });
  }

  void update(const std::string& id, const Resources& resources, const Call& call) override {
    points_.during("update", &call, [&] { return RuntimePlain::update(id, resources, call); });
  }

  void stats(const std::string& id, Stats& out, const Call& call) override {
    points_.during("stats", &call, [&] { return RuntimePlain::stats(id, out, call); });
  }

  void processes(const std::string& id, std::vector<std::int64_t>& out, const Call& call) override {
    points_.during("processes", &call, [&] { return RuntimePlain::processes(id, out, call); });
  }

  void exec(const std::string& id, const ExecSpec& spec, Running& out, Streams& streams, const Call& call) override {
    points_.during("exec", &call, [&] { return RuntimePlain::exec(id, spec, out, streams, call); });
  }

  void attach(const std::string& id, Streams& out, const Call& call) override {
    points_.during("attach", &call, [&] { return RuntimePlain::attach(id, out, call); });
  }

  void resize(const std::string& id, const std::string& exec_id, std::uint16_t rows, std::uint16_t columns,
              const Call& call) override {
    points_.during("resize", &call, [&] { return RuntimePlain::resize(id, exec_id, rows, columns, call); });
  }

  void exit_status(const std::string& id, const std::string& exec_id, ExitStatus& out, const Call& call) override {
    points_.during("exit_status", &call, [&] { return RuntimePlain::exit_status(id, exec_id, out, call); });
  }

  void reopen_log(const std::string& id, const Call& call) override {
    points_.during("reopen_log", &call, [&] { return RuntimePlain::reopen_log(id, call); });
  }

  void adopt(const std::string& id, Running& out, const Call& call) override {
    points_.during("adopt", &call, [&] { return RuntimePlain::adopt(id, out, call); });
  }

  void remove(const std::string& id, const Call& call) override {
    points_.during("remove", &call, [&] { return RuntimePlain::remove(id, call); });
  }

  void list(std::vector<std::string>& out, const Call& call) override {
    points_.during("list", &call, [&] { return RuntimePlain::list(out, call); });
  }

 private:
  fake::Failpoints points_;
};

}  // namespace

GANTRY_EXPORT_DRIVER(gantry::runtime::v1::Driver, Failing, "fake", "1.0.0")
