#include "build/rpm_database.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string number(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 255);
  return out;
}

/// As rpm lays one out.
class Header {
 public:
  Header& text(std::uint32_t tag, const std::string& value) { return add(tag, 6, value + '\0'); }
  Header& integer(std::uint32_t tag, std::uint32_t value) { return add(tag, 4, number(value)); }
  [[nodiscard]] std::string bytes() const { return number(count_) + number(size()) + index_ + data_; }

 private:
  Header& add(std::uint32_t tag, std::uint32_t type, const std::string& value) {
    index_ += number(tag) + number(type) + number(size()) + number(1);
    data_ += value;
    ++count_;
    return *this;
  }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(data_.size()); }
  std::string index_;
  std::string data_;
  std::uint32_t count_{};
};

Header bash() { return Header{}.text(1000, "bash").text(1001, "5.2.26").text(1002, "3.fc40"); }

/// A database's file after `statements`; each "?" is `header`.
std::string database(const std::vector<std::string>& statements, const std::string& header) {
  sqlite3* opened = nullptr;
  EXPECT_EQ(::sqlite3_open(":memory:", &opened), SQLITE_OK);
  for (const std::string& text : statements) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(::sqlite3_prepare_v2(opened, text.c_str(), -1, &statement, nullptr), SQLITE_OK) << text;
    if (::sqlite3_bind_parameter_count(statement) > 0) {
      ::sqlite3_bind_blob(statement, 1, header.data(), static_cast<int>(header.size()), SQLITE_STATIC);
    }
    EXPECT_EQ(::sqlite3_step(statement), SQLITE_DONE) << text;
    ::sqlite3_finalize(statement);
  }
  sqlite3_int64 size = 0;
  unsigned char* bytes = ::sqlite3_serialize(opened, "main", &size, 0);
  std::string out{reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
  ::sqlite3_free(bytes);
  ::sqlite3_close(opened);
  return out;
}

const std::string kTable = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)";
const std::string kRow = "INSERT INTO Packages (blob) VALUES (?)";

struct Taken {
  bool whole{};
  std::vector<Package> packages;
};
Taken take(std::string content) {
  Taken out;
  out.whole = add_rpm_packages(
      std::move(content), "/rpmdb.sqlite", [] {}, out.packages);
  return out;
}

TEST(RpmDatabase, NamesThePackages) {
  const std::string header = bash().integer(1003, 7).text(1014, "GPL").text(1022, "x86_64").bytes();
  std::string content = database({kTable, kRow, kRow}, header);
  // As rpm leaves it: with a write-ahead log.
  content[18] = content[19] = 2;
  const Taken found = take(content);
  EXPECT_TRUE(found.whole);
  ASSERT_THAT(found.packages, SizeIs(2));
  EXPECT_EQ(found.packages[0].name, "bash");
  EXPECT_EQ(found.packages[0].version, "5.2.26-3.fc40");
  EXPECT_EQ(found.packages[0].epoch, "7");
  EXPECT_EQ(found.packages[0].architecture, "x86_64");
  EXPECT_EQ(found.packages[0].license, "GPL");
  EXPECT_EQ(found.packages[0].found_in, "/rpmdb.sqlite");
}

TEST(RpmDatabase, ListsNoKeys) {
  const std::string key = Header{}.text(1000, "gpg-pubkey").text(1001, "a15b79cc").bytes();
  EXPECT_THAT(take(database({kTable, kRow}, key)).packages, IsEmpty());
}

TEST(RpmDatabase, IsOnlyReadAndNothingOfItRuns) {
  const std::string header = bash().bytes();
  EXPECT_FALSE(take("").whole);
  EXPECT_FALSE(take(std::string(10'000, '\0')).whole);
  EXPECT_FALSE(take(database({"CREATE TABLE other (blob BLOB)"}, header)).whole);
  const std::string endless =
      "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT 1 UNION ALL SELECT blob + 1 FROM n) SELECT blob FROM "
      "n";
  EXPECT_FALSE(take(database({endless}, header)).whole);
  EXPECT_FALSE(take(database({"CREATE VIEW Packages AS SELECT randomblob(1000000000) AS blob"}, header)).whole);
  std::string torn = database({kTable, kRow}, std::string(100'000, 'x'));
  torn.resize(torn.size() / 2);
  take(torn);
}

TEST(RpmDatabase, IsLeftWhenTheCallerHasEnough) {
  const auto enough = [] { throw Error{Errc::cancelled, "context canceled"}; };
  std::vector<Package> out;
  EXPECT_THROW(add_rpm_packages(database({kTable, kRow}, bash().bytes()), "", enough, out), Error);
}

TEST(RpmHeader, MakesNoSenseWithinBounds) {
  const std::string good = bash().bytes();
  ASSERT_TRUE(parse_rpm_header(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_rpm_header(std::string_view{good}.substr(0, size)));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\0', '\x7f', '\xff'}) {
      std::string changed = good;
      changed[at] = byte;
      parse_rpm_header(changed);
    }
  }
  EXPECT_FALSE(parse_rpm_header(number(0xffffffff) + number(0xffffffff)));
}

}  // namespace
}  // namespace gantry::build
