#include "api/registry_auth.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gantry/base64.hpp"

namespace gantry::api {
namespace {

// A request that has one header, and nothing else.
class Asked final : public Exchange {
 public:
  explicit Asked(std::string header) : header_(std::move(header)) {}
  [[nodiscard]] const Request& request() const override { return request_; }
  [[nodiscard]] std::optional<std::string> header(std::string_view) const override { return header_; }
  awaitable<std::string> body(std::size_t) override { co_return ""; }
  awaitable<nlohmann::json> body_json(std::size_t) override { co_return nullptr; }
  awaitable<std::size_t> read_body(std::span<std::byte>) override { co_return 0; }
  using Exchange::start;
  awaitable<void> start(unsigned, std::string, Headers) override { co_return; }
  awaitable<void> write(std::string_view) override { co_return; }
  awaitable<void> write_json(const nlohmann::json&) override { co_return; }
  awaitable<std::shared_ptr<Upgraded>> upgrade(std::string) override { co_return nullptr; }
  awaitable<std::shared_ptr<Upgraded>> upgrade_to_websocket() override { co_return nullptr; }
  awaitable<void> client_gone() override { co_return; }

 private:
  Request request_;
  std::string header_;
};

TEST(RegistryAuth, TakesTheTokensOfManyRegistries) {
  nlohmann::json config = nlohmann::json::object();
  for (int i = 0; i < 100; ++i) {
    config[std::to_string(i) + ".example"] = {{"username", "AWS"}, {"password", std::string(2'500, 'p')}};
  }
  const Asked asked{base64_encode(config.dump())};
  const auto found = all_registry_credentials(asked);
  ASSERT_EQ(found.size(), 100U);
  EXPECT_EQ(found.at("99.example").password.size(), 2'500U);
}

TEST(RegistryAuth, IgnoresWhatCannotBeRead) {
  const std::string deep = base64_encode(std::string(700'000, '['));
  for (const std::string& header : {std::string{"%"}, base64_encode("x"), base64_encode("[]"), deep}) {
    const Asked asked{header};
    EXPECT_TRUE(all_registry_credentials(asked).empty());
    EXPECT_EQ(registry_credentials(asked).username, "");
  }
}

}  // namespace
}  // namespace gantry::api
