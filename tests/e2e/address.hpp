#pragma once

#include <gtest/gtest.h>

#include <string>

#include "command.hpp"

namespace gantry::e2e {

/// One more address of the test's own host.
class Address {
 public:
  explicit Address(std::string text) : text_(std::move(text)) {
    EXPECT_EQ(shell("ip address add " + text_ + "/32 dev lo").code, 0);
  }
  ~Address() { shell("ip address del " + text_ + "/32 dev lo"); }
  Address(const Address&) = delete;
  Address& operator=(const Address&) = delete;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace gantry::e2e
