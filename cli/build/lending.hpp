#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/client.hpp"

namespace gantry::cli {

/// What a build's commands are lent: secrets, and this user's SSH agents for as long as this lives.
class Lending {
 public:
  /// `secrets` as --secret has them, `agents` as --ssh has them. Throws Failure.
  Lending(Client& client, const std::vector<std::string>& secrets, const std::vector<std::string>& agents);
  ~Lending();
  Lending(const Lending&) = delete;
  Lending& operator=(const Lending&) = delete;

  /// What the build is told; empty: nothing is lent.
  [[nodiscard]] const std::string& session() const noexcept { return session_; }

 private:
  struct Line;
  std::string session_;
  std::vector<std::unique_ptr<Line>> lines_;
};

}  // namespace gantry::cli
