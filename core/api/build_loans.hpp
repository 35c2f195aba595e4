#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "api/exchange.hpp"
#include "build/loans.hpp"

namespace gantry::api {

/// {"Secrets": {"id": "base64"}, "Agents": ["id"]}. Errors: invalid.
build::Loan loan_of(const nlohmann::json& body);

/// A client's agent behind a connection that was taken out of HTTP.
class ClientAgent final : public build::AgentLine {
 public:
  explicit ClientAgent(std::shared_ptr<Upgraded> client) : client_(std::move(client)) {}

  awaitable<std::string> ask(std::string message) override;
  void close() override;
  /// When the client is gone.
  awaitable<void> ended();

 private:
  awaitable<std::string> read(std::size_t size);

  std::shared_ptr<Upgraded> client_;
  AsyncMutex turn_;  ///< One question at a time.
  std::string received_;
};

}  // namespace gantry::api
