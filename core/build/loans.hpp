#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"

/// What a user lends to a build's commands: secrets and SSH agents. In memory only.
namespace gantry::build {

/// A client's SSH agent, at the other end of a connection. Io thread only.
class AgentLine {
 public:
  virtual ~AgentLine() = default;
  /// Sends one message of the agent protocol and answers the agent's. Errors: unavailable.
  virtual awaitable<std::string> ask(std::string message) = 0;
  virtual void close() = 0;
};

struct Loan {
  std::map<std::string, std::string> secrets;
  std::map<std::string, std::shared_ptr<AgentLine>> agents;  ///< Those that the client has not connected are null.
};

/// Loans whose build has not begun. Io thread only.
class LoanDesk {
 public:
  /// Answers a name that cannot be guessed. What no build takes within a minute is forgotten.
  /// Errors: exhausted (too many, or too much).
  std::string put(Loan loan);
  /// Errors: not_found.
  void connect(const std::string& id, const std::string& agent, std::shared_ptr<AgentLine> line);
  /// Errors: not_found; invalid (an agent was announced and is not connected).
  std::shared_ptr<Loan> take(const std::string& id);

 private:
  struct Waiting {
    std::shared_ptr<Loan> loan;
    std::chrono::steady_clock::time_point since;
  };
  void forget_old();
  Waiting& find(const std::string& id);
  std::map<std::string, Waiting> waiting_;
};

}  // namespace gantry::build
