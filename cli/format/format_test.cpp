#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "format/columns.hpp"
#include "format/listing.hpp"
#include "format/ports.hpp"
#include "format/reindent.hpp"
#include "format/units.hpp"
#include "format/wrap.hpp"

namespace gantry::cli {
namespace {

TEST(Columns, AreAsWideAsTheWidestCellAndThreeSpaces) {
  EXPECT_EQ(align("A\tB\tC\nlonger than ten\tx\ty\n"),
            "A                 B         C\n"
            "longer than ten   x         y\n");
}

TEST(Columns, EndWhereALineHasNoSuchCell) {
  EXPECT_EQ(align("a\tb\nalone\nlonger cell\tb\n"), "a         b\nalone\nlonger cell   b\n");
}

TEST(Columns, CountCharactersNotBytes) { EXPECT_EQ(align("\"…\"\tx\n"), "\"…\"       x\n"); }

TEST(Columns, KeepTheSpaceOfEmptyCells) { EXPECT_EQ(align("a\t\tc\n"), "a                   c\n"); }

TEST(Units, AreThoseOfDocker) {
  EXPECT_EQ(human_size(0), "0B");
  EXPECT_EQ(human_size(1'984'321), "1.98MB");
  EXPECT_EQ(human_size(1'701'000'000, 4), "1.701GB");
  EXPECT_EQ(human_size(999.9), "1e+03B");
  EXPECT_EQ(binary_size(424 * 1024), "424KiB");
  EXPECT_EQ(binary_size(23.54 * 1024 * 1024 * 1024), "23.54GiB");
}

TEST(Units, TellDurationsRoughly) {
  EXPECT_EQ(human_duration(0), "Less than a second");
  EXPECT_EQ(human_duration(1), "1 second");
  EXPECT_EQ(human_duration(59), "59 seconds");
  EXPECT_EQ(human_duration(60), "About a minute");
  EXPECT_EQ(human_duration(3599), "59 minutes");
  EXPECT_EQ(human_duration(3600), "About an hour");
  EXPECT_EQ(human_duration(3600 * 47), "47 hours");
  EXPECT_EQ(human_duration(3600 * 48), "2 days");
  EXPECT_EQ(human_duration(3600 * 24 * 15), "2 weeks");
  EXPECT_EQ(human_duration(3600LL * 24 * 365 * 3), "3 years");
}

TEST(Units, ShortenTexts) {
  EXPECT_EQ(ellipsis("short", 20), "short");
  EXPECT_EQ(ellipsis("sleep 1000000000000000", 20), "sleep 1000000000000…");
  EXPECT_EQ(short_id("sha256:0123456789abcdef"), "0123456789ab");
  EXPECT_EQ(go_duration(90'500'000'000), "1m30.5s");
}

TEST(Ports, AreGroupedIntoRanges) {
  const Json ports = Json::parse(R"([
    {"IP":"0.0.0.0","PrivatePort":9001,"PublicPort":9001,"Type":"tcp"},
    {"IP":"0.0.0.0","PrivatePort":9000,"PublicPort":9000,"Type":"tcp"},
    {"IP":"::","PrivatePort":80,"PublicPort":8088,"Type":"tcp"},
    {"PrivatePort":443,"Type":"tcp"}])");
  EXPECT_EQ(displayed_ports(ports), "443/tcp, 0.0.0.0:9000-9001->9000-9001/tcp, [::]:8088->80/tcp");
}

TEST(Reindent, ChangesSpaceOnly) {
  EXPECT_EQ(reindent(R"([{"a":[],"b":{},"c":"\u0026 { , \" ]","d":[1,2]}])"),
            "[\n    {\n        \"a\": [],\n        \"b\": {},\n        \"c\": \"\\u0026 { , \\\" ]\",\n"
            "        \"d\": [\n            1,\n            2\n        ]\n    }\n]");
  EXPECT_EQ(reindent("[]"), "[]");
}

TEST(Listing, HasAHeadAndRows) {
  const ListStyle style{"", "{{.ID}}\t{{.Name}}", {{"ID", "THE ID"}, {"Name", "NAME"}}};
  const std::vector<Json> rows{{{"ID", "1"}, {"Name", "one"}}};
  EXPECT_EQ(render(style, rows), "THE ID    NAME\n1         one\n");
  EXPECT_EQ(render({"{{.Name}}", "", style.heads}, rows), "one\n");
  EXPECT_EQ(render({"table {{.Name}}\\t{{upper .ID}}", "", style.heads}, rows), "NAME      THE ID\none       1\n");
  EXPECT_EQ(render({"json", "", style.heads}, rows), "{\"ID\":\"1\",\"Name\":\"one\"}\n");
  EXPECT_EQ(render({"table{{.Name}}", "", style.heads}, rows), "NAME\none\n");
  EXPECT_EQ(render({" table {{.Name}} ", "", style.heads}, rows), "table one\n");
  EXPECT_THROW(render({"{{foo}}", "", style.heads}, rows), Failure);
}

TEST(Wrap, BreaksAtSpacesAndKeepsNewlines) {
  EXPECT_EQ(wrap("Add a custom host-to-IP mapping (host:ip)", 43, 80),
            "Add a custom host-to-IP mapping\n" + std::string(43, ' ') + "(host:ip)");
  EXPECT_EQ(wrap("one\ntwo", 2, 0), "one\n  two");
}

}  // namespace
}  // namespace gantry::cli
