// Pushes and pulls over links that break or are slow.

#include <csignal>
#include <memory>
#include <optional>
#include <random>

#include "engine.hpp"
#include "registry.hpp"

namespace gantry::e2e {
namespace {

/// A registry on port 5000, and a way to it by port 5001.
class Transfers : public Engine {
 protected:
  void SetUp() override {
    if (shell("command -v python3").code != 0) GTEST_SKIP() << "no python3 on this machine";
    Engine::SetUp();
    registry_.emplace(Registry::Options{});
  }
  void open_link(const std::string& flaws) {
    link_ = std::make_unique<Background>(std::string{"exec python3 "} + GANTRY_LINK_PROXY + " 5001 5000 " + flaws,
                                         Environment{}, false);
    ASSERT_TRUE(link_->wait_for("ready")) << link_->output();
  }
  static std::string tar_of_noise(std::size_t size) {
    std::string noise(size, 'x');
    std::mt19937 random{7};
    for (char& byte : noise) byte = static_cast<char>(random());
    return tar_of({{.path = "noise", .content = noise}});
  }

  std::optional<Registry> registry_;
  std::unique_ptr<Background> link_;
};

TEST_F(Transfers, APushOutlivesABrokenConnection) {
  open_link("--break-after 3000000");
  ASSERT_EQ(cli("import - localhost:5001/noise", tar_of_noise(8'000'000)).code, 0);
  const Result pushed = cli("push localhost:5001/noise");
  EXPECT_EQ(pushed.code, 0) << pushed.err;
  EXPECT_TRUE(link_->wait_for("broke")) << link_->output();
  cli("rmi localhost:5001/noise");
  const Result pulled = cli("pull -q localhost:5000/noise");
  EXPECT_EQ(pulled.code, 0) << pulled.err;
  cli("rmi localhost:5000/noise");
}

TEST_F(Transfers, ALargeLayerComesBySeveralConnections) {
  registry_->push(make_layout(daemon->root() / "large", {tar_of_noise(32'000'000)}, {{"Cmd", {"sh"}}}, "large"),
                  "large");
  open_link("--rate 6000000");
  const auto beginning = [] {
    return shell("find " + daemon->data_root().string() + "/blobs/ingest -name '*.beginning' -size +8M").line();
  };
  {
    const Background pull{program("gantry").string() + " pull localhost:5001/large", daemon->environment(), false};
    until([&] { return !beginning().empty(); });
    daemon->kill(SIGKILL);
  }
  // What came by several goes on as what came by one.
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_NE(beginning(), "");
  const Result pulled = cli("pull -q localhost:5001/large");
  EXPECT_EQ(pulled.code, 0) << pulled.err;
  EXPECT_TRUE(link_->wait_for("4 connections")) << link_->output();
  EXPECT_EQ(beginning(), "");
  cli("rmi localhost:5001/large");
}

}  // namespace
}  // namespace gantry::e2e
