#include "build/loans.hpp"

#include <fcntl.h>

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "base/file.hpp"
#include "base/id.hpp"
#include "gantry/error.hpp"

namespace gantry::build {
namespace {

using AgentProtocol = asio::local::stream_protocol;

constexpr std::size_t kMostLoans = 64;
/// As BuildKit has it.
constexpr std::size_t kLargestSecret = std::size_t{500} << 10;
constexpr std::chrono::seconds kPatience{60};

// The SSH agent protocol (draft-miller-ssh-agent): what may be asked, and the refusal of all else.
constexpr char kListKeys = 11;
constexpr char kSign = 13;
constexpr std::string_view kRefusal{"\5", 1};
constexpr std::size_t kLongestMessage = std::size_t{256} << 10;

std::string framed(std::string_view message) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(message.size() >> shift & 0xff);
  return out.append(message);
}

}  // namespace

struct AgentServer::Sockets {
  explicit Sockets(asio::any_io_executor io) : acceptor(io) {}
  AgentProtocol::acceptor acceptor;
  std::map<std::size_t, std::unique_ptr<AgentProtocol::socket>> clients;
  std::size_t next = 0;
};

AgentServer::AgentServer(asio::any_io_executor io, UniqueFd listener, std::shared_ptr<AgentLine> line)
    : sockets_(std::make_shared<Sockets>(io)), line_(std::move(line)) {
  sockets_->acceptor.assign(AgentProtocol{}, listener.release());
}

void AgentServer::start() {
  asio::co_spawn(sockets_->acceptor.get_executor(), accept(), [self = shared_from_this()](std::exception_ptr) {});
}

void AgentServer::stop() {
  boost::system::error_code ignored;
  sockets_->acceptor.close(ignored);
  for (const auto& [number, socket] : sockets_->clients) socket->close(ignored);
}

awaitable<void> AgentServer::accept() {
  const auto self = shared_from_this();
  for (;;) {
    auto socket = std::make_unique<AgentProtocol::socket>(sockets_->acceptor.get_executor());
    boost::system::error_code failed;
    co_await sockets_->acceptor.async_accept(*socket, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    const std::size_t number = sockets_->next++;
    sockets_->clients[number] = std::move(socket);
    asio::co_spawn(sockets_->acceptor.get_executor(), serve(number),
                   [self, number](std::exception_ptr) { self->sockets_->clients.erase(number); });
  }
}

awaitable<void> AgentServer::serve(std::size_t number) {
  AgentProtocol::socket& socket = *sockets_->clients.at(number);
  std::array<unsigned char, 4> head{};
  for (;;) {
    boost::system::error_code failed;
    co_await asio::async_read(socket, asio::buffer(head), asio::redirect_error(asio::use_awaitable, failed));
    const std::size_t size =
        std::size_t{head[0]} << 24 | std::size_t{head[1]} << 16 | std::size_t{head[2]} << 8 | std::size_t{head[3]};
    if (failed || size == 0 || size > kLongestMessage) co_return;
    std::string message(size, '\0');
    co_await asio::async_read(socket, asio::buffer(message), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    std::string answer{kRefusal};
    if (message.front() == kListKeys || message.front() == kSign) answer = co_await line_->ask(std::move(message));
    const std::string whole = framed(answer);
    co_await asio::async_write(socket, asio::buffer(whole), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
  }
}

void LoanDesk::forget_old() {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(waiting_, [&](const auto& entry) { return now - entry.second.since > kPatience; });
}

std::string LoanDesk::put(Loan loan) {
  forget_old();
  if (waiting_.size() >= kMostLoans) throw Error{Errc::exhausted, "too many builds are about to begin"};
  for (const auto& [name, content] : loan.secrets) {
    if (content.size() > kLargestSecret) {
      throw Error{Errc::invalid, "invalid secret size: secret " + name + " is larger than 512000 bytes"};
    }
  }
  const std::string id = random_id();
  waiting_[id] = {std::make_shared<Loan>(std::move(loan)), std::chrono::steady_clock::now()};
  return id;
}

LoanDesk::Waiting& LoanDesk::find(const std::string& id) {
  forget_old();
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) throw Error{Errc::not_found, "no such build session"};
  return found->second;
}

void LoanDesk::connect(const std::string& id, const std::string& agent, std::shared_ptr<AgentLine> line) {
  const auto wanted = find(id).loan->agents.find(agent);
  if (wanted == find(id).loan->agents.end())
    throw Error{Errc::not_found, "no such agent of the build session: " + agent};
  wanted->second = std::move(line);
}

std::shared_ptr<Loan> LoanDesk::take(const std::string& id) {
  std::shared_ptr<Loan> loan = find(id).loan;
  for (const auto& [name, line] : loan->agents) {
    if (line == nullptr) throw Error{Errc::invalid, "the agent " + name + " of the build session is not connected"};
  }
  waiting_.erase(id);
  return loan;
}

}  // namespace gantry::build
