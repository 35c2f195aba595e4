#include <algorithm>
#include <set>

#include "subject.hpp"

namespace gantry::conformance {

/// What drivers of all kinds promise.
class AnyDriver : public Suite<Driver> {};

TEST_F(AnyDriver, UnknownAbilityIsNull) { EXPECT_EQ(driver().query("no-such-ability/1"), nullptr); }

TEST_F(AnyDriver, SaysTheSameOfItselfEachTime) {
  Capabilities first;
  Capabilities second;
  driver().capabilities(first);
  reopen();
  driver().capabilities(second);
  EXPECT_EQ(first, second);
}

TEST_F(AnyDriver, OptionsHaveNamesOnceAndHelp) {
  std::vector<OptionInfo> options;
  driver().options(options);
  std::set<std::pair<int, std::string>> seen;
  for (const OptionInfo& option : options) {
    EXPECT_FALSE(option.name.empty());
    EXPECT_TRUE(seen.emplace(static_cast<int>(option.scope), option.name).second) << option.name << " appears twice";
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_EQ(option.help.find('\n'), std::string::npos) << option.name << ": help is one line";
  }
}

TEST_F(AnyDriver, MayBeOpenedAgainOverTheSameDirectories) {
  reopen();
  reopen();
}

}  // namespace gantry::conformance
