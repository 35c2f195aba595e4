#include "foreign_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::bridge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kUfw = R"(table ip filter {
	chain ufw-user-forward {
	}
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
table inet gantry {
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
)";

TEST(ForeignRules, ThatDropWhatIsForwardedAreNamedWithTheWayOut) {
  EXPECT_THAT(warn_of_drops(kUfw), AllOf(HasSubstr("(ip filter FORWARD: ufw route allow in on BRIDGE"),
                                         Not(HasSubstr("gantry forward")), Not(HasSubstr("INPUT"))));
  EXPECT_THAT(warn_of_drops("table inet fw {\n\tchain through {\n\t\ttype filter hook forward priority 0; policy "
                            "drop;\n\t}\n}\n"),
              HasSubstr("inet fw through: nft insert rule inet fw through iifname BRIDGE accept"));
  EXPECT_THAT(warn_of_drops("table inet firewalld {\n\tchain filter_FORWARD {\n\t\ttype filter hook forward priority "
                            "filter + 10; policy accept;\n\t}\n}\n"),
              HasSubstr("firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE"));
}

TEST(ForeignRules, ThatLetPacketsThroughAreNotSpokenOf) {
  EXPECT_EQ(warn_of_drops(""), "");
  EXPECT_EQ(warn_of_drops("table inet firewalld_policy_drop {\n\tchain filter_forward {\n\t\ttype filter hook forward "
                          "priority 9; policy drop;\n\t}\n}\n"),
            "")
      << "while it is reloaded";
  EXPECT_EQ(warn_of_drops("table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy "
                          "accept;\n\t}\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy "
                          "drop;\n\t}\n}\ntable bridge fw {\n\tchain f {\n\t\ttype filter hook forward priority 0; "
                          "policy drop;\n\t}\n}\n"),
            "");
}

}  // namespace
}  // namespace gantry::bridge
