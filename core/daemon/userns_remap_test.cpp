#include "daemon/userns_remap.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gantry/error.hpp"

namespace gantry::daemon {

namespace fs = std::filesystem;

class UsernsRemap : public ::testing::Test {
 protected:
  UsernsRemap() {
    std::string pattern = fs::temp_directory_path() / "gantry-remap-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    files_ = {directory_ / "subuid", directory_ / "subgid"};
  }
  ~UsernsRemap() override { fs::remove_all(directory_); }

  void write(const std::string& uids, const std::string& gids) const {
    std::ofstream(files_.uids) << uids;
    std::ofstream(files_.gids) << gids;
  }

  [[nodiscard]] static std::string text(const std::string& file) {
    std::ostringstream content;
    content << std::ifstream(file).rdbuf();
    return content.str();
  }

  [[nodiscard]] std::string failure(const std::string& setting) const {
    try {
      (void)remapped_ids(setting, false, files_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  static std::string show(const std::vector<runtime::v1::IdMap>& map) {
    std::string shown;
    for (const auto& range : map) {
      shown +=
          std::to_string(range.inside) + " " + std::to_string(range.outside) + " " + std::to_string(range.count) + ";";
    }
    return shown;
  }

  fs::path directory_;
  SubordinateFiles files_;
};

TEST_F(UsernsRemap, TakesTheRangesOfTheUser) {
  write("# a comment\nother:1:1\ndaemon:200000:10\n\ndaemon:300000:65536\n", "daemon:400000:65536\n");
  for (const char* setting : {"daemon", "daemon:daemon", "daemon:root", "1", "1:1", "daemon:0"}) {
    const IdMaps maps = remapped_ids(setting, false, files_);
    EXPECT_EQ(show(maps.uids), "0 200000 10;10 300000 65536;") << setting;
    EXPECT_EQ(show(maps.gids), "0 400000 65536;") << setting;
  }
}

TEST_F(UsernsRemap, RangesByNumberComeFirst) {
  write("daemon:200000:10\n1:500000:7\n", "daemon:400000:65536\n");
  EXPECT_EQ(show(remapped_ids("daemon", false, files_).uids), "0 500000 7;");
}

TEST_F(UsernsRemap, NothingAndRootMeanNoUserNamespaces) {
  for (const char* setting : {"", "root", "0", "root:root"}) {
    EXPECT_TRUE(remapped_ids(setting, false, files_).uids.empty()) << setting;
  }
}

TEST_F(UsernsRemap, DefaultFindsItsRangesOrMakesSome) {
  write("someone:100000:65536\nlast:300000:5", "");
  EXPECT_EQ(show(remapped_ids("default", false, files_).uids), "0 300005 65536;");
  EXPECT_EQ(text(files_.gids), "") << "a check must not allocate";
  EXPECT_EQ(show(remapped_ids("default", true, files_).gids), "0 300005 65536;");
  EXPECT_EQ(text(files_.uids), "someone:100000:65536\nlast:300000:5\ndockremap:300005:65536\n");
  EXPECT_EQ(text(files_.gids), "dockremap:300005:65536\n");
  EXPECT_EQ(show(remapped_ids("default", true, files_).uids), "0 300005 65536;");
  EXPECT_EQ(text(files_.gids), "dockremap:300005:65536\n");
}

TEST_F(UsernsRemap, DefaultBeginsWhereUseraddDoes) {
  EXPECT_EQ(show(remapped_ids("default", true, files_).uids), "0 100000 65536;");
  EXPECT_EQ(text(files_.uids), "dockremap:100000:65536\n");
}

TEST_F(UsernsRemap, RefusesAsDockerdDoes) {
  write("", "");
  EXPECT_TRUE(failure("a:b:c").starts_with("Invalid user/group specification in --userns-remap: \"a:b:c\""));
  EXPECT_EQ(failure("nosuch"),
            "Error during uid lookup for \"nosuch\": unable to find entry \"nosuch\" in passwd database");
  EXPECT_EQ(failure(":"), "Error during uid lookup for \"\": unable to find entry \"\" in passwd database");
  EXPECT_EQ(failure("1234567"),
            "Uid 1234567 has no entry in /etc/passwd: unable to find entry \"1234567\" in passwd database");
  EXPECT_EQ(failure("root:nosuch"),
            "Error during groupname lookup for \"nosuch\": unable to find entry \"nosuch\" in group database");
  EXPECT_EQ(failure("nobody"),
            "Error during gid lookup for \"nobody\": unable to find entry \"nobody\" in group database");
  EXPECT_TRUE(failure("daemon").starts_with("Can't create ID mappings: no subuid ranges found for user \"daemon\""));
  write("daemon:100000:1\n", "");
  EXPECT_TRUE(failure("daemon").starts_with("Can't create ID mappings: no subgid ranges found for user \"daemon\""));
}

TEST_F(UsernsRemap, RefusesWhatTheKernelWould) {
  write("# comment\ndaemon:100000:65536\nother:100000:65536\ndaemon:165535:10\n", "daemon:1:1\n");
  EXPECT_EQ(failure("daemon"), "Can't create ID mappings: line 4 of " + files_.uids +
                                   " (daemon:165535:10) overlaps another range of the user");
  std::string ranges;
  for (int i = 0; i < 400; ++i) ranges += "daemon:" + std::to_string(2 * i + 1) + ":1\n";
  write("daemon:1:1\n", ranges);
  EXPECT_NE(failure("daemon").find("line 341 of " + files_.gids + " (daemon:681:1) is one range too many"),
            std::string::npos)
      << failure("daemon");
  ranges.clear();
  for (int i = 0; i < 300; ++i) ranges += "daemon:" + std::to_string(1000000000 + 20 * i) + ":10\n";
  write("daemon:1:1\n", ranges);
  EXPECT_NE(failure("daemon").find("is one range too many"), std::string::npos) << failure("daemon");
}

TEST_F(UsernsRemap, RefusesHostileFiles) {
  for (const char* line : {"daemon", "daemon:1", "daemon:x:1", "daemon:1:-1", "daemon:1:99999999999", "daemon:-1:5",
                           "daemon: 1:5", "daemon:1:5:6"}) {
    write(line, line);
    EXPECT_NE(failure("daemon").find("Format not correct"), std::string::npos) << line << failure("daemon");
  }
  write("daemon:0:65536\n", "daemon:1:1\n");
  EXPECT_NE(failure("daemon").find("has the host's root in it"), std::string::npos);
  write("daemon:4294967290:6\n", "daemon:1:1\n");
  EXPECT_NE(failure("daemon").find("beyond"), std::string::npos);
  write("daemon:1:4294967000\ndaemon:1:4294967000\n", "daemon:1:1\n");
  EXPECT_NE(failure("daemon").find("beyond"), std::string::npos);
  write("daemon:5:0\n", "daemon:1:1\n");
  EXPECT_NE(failure("daemon").find("no subuid ranges"), std::string::npos);
}

}  // namespace gantry::daemon
