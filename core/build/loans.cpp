#include "build/loans.hpp"

#include "base/id.hpp"
#include "gantry/error.hpp"

namespace gantry::build {
namespace {

constexpr std::size_t kMostLoans = 64;
/// As BuildKit has it.
constexpr std::size_t kLargestSecret = std::size_t{500} << 10;
constexpr std::chrono::seconds kPatience{60};

}  // namespace

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
