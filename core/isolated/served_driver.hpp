#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gantry/driver.hpp"
#include "isolated/description.hpp"
#include "isolated/serving.hpp"

namespace gantry::isolated {

/// What a driver's process serves: its driver.
class ServedDriver final : public Answerer {
 public:
  Json answer(Line& line, Frame& frame, std::vector<UniqueFd>& given) override;
  Error translate() noexcept override { return translator(); }

  Description description;
  std::shared_ptr<void> object;       ///< As the kind's interface.
  Driver* base = nullptr;             ///< The same as what all kinds have in common.
  std::string refusal;                ///< Why there is none; empty if there is.
  std::function<Error()> translator;  ///< Of the exception in flight.
  std::function<void(LogLevel, std::string_view)> log;

 private:
  [[nodiscard]] Json describe() const;
  Json open(const Json& told);

  std::unique_ptr<Host> host_;  ///< Once it is opened.
};

}  // namespace gantry::isolated
