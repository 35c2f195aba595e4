#include "api/build_loans.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "api/registry_auth.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kLongestSecret = std::size_t{1} << 20;
constexpr std::size_t kLongestAnswer = std::size_t{256} << 10;

std::string framed_message(std::string_view message) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(message.size() >> shift & 0xff);
  return out.append(message);
}

}  // namespace

build::Loan loan_of(const nlohmann::json& body) {
  build::Loan loan;
  if (!body.is_object()) throw Error{Errc::invalid, "a build session is a JSON object"};
  const nlohmann::json secrets = body.value("Secrets", nlohmann::json::object());
  for (const auto& [id, content] : secrets.items()) {
    const auto decoded = content.is_string() ? decode_base64(content.get<std::string>(), kLongestSecret) : std::nullopt;
    if (id.empty() || !decoded) throw Error{Errc::invalid, "secret " + id + " is no base64 text"};
    loan.secrets[id] = *decoded;
  }
  const nlohmann::json agents = body.value("Agents", nlohmann::json::array());
  for (const auto& id : agents) {
    if (!id.is_string()) throw Error{Errc::invalid, "an agent is named by a text"};
    loan.agents[id.get<std::string>()] = nullptr;
  }
  return loan;
}

awaitable<std::string> ClientAgent::read(std::size_t size) {
  std::array<std::byte, 4096> buffer{};
  while (received_.size() < size) {
    const std::size_t got = co_await client_->read(buffer);
    if (got == 0) throw Error{Errc::unavailable, "the client's SSH agent is gone"};
    received_.append(reinterpret_cast<const char*>(buffer.data()), got);
  }
  std::string out = received_.substr(0, size);
  received_.erase(0, size);
  co_return out;
}

awaitable<std::string> ClientAgent::ask(std::string message) {
  const auto lock = co_await turn_.lock();
  const std::string whole = framed_message(message);
  co_await client_->write(whole);
  const std::string head = co_await read(4);
  std::size_t size = 0;
  for (const char c : head) size = size << 8 | static_cast<unsigned char>(c);
  if (size == 0 || size > kLongestAnswer) throw Error{Errc::invalid, "the client's SSH agent answers nonsense"};
  co_return co_await read(size);
}

void ClientAgent::close() { client_->close(); }

awaitable<void> ClientAgent::ended() { co_await client_->gone(); }

}  // namespace gantry::api
