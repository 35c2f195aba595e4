// The arrows between folders (docs/architecture.md), read from the sources' #include lines.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

struct Include {
  std::string name;
  bool quoted{};
};

struct Source {
  std::string path;    // "core/state/store.cpp"
  std::string top;     // "core"
  std::string folder;  // "state"
  std::vector<Include> includes;
  int lines{};

  bool header() const { return path.ends_with(".hpp"); }
  bool test() const {
    return path.find("_test.") != std::string::npos || path.find("/test_") != std::string::npos ||
           path.ends_with("_fixture.hpp");
  }
};

Source read(const fs::path& root, const fs::path& file) {
  Source source;
  source.path = fs::relative(file, root).string();
  const fs::path relative{source.path};
  auto part = relative.begin();
  source.top = *part++;
  source.folder = *part;
  std::ifstream text{file};
  for (std::string line; std::getline(text, line); ++source.lines) {
    if (!line.starts_with("#include ")) continue;
    const bool quoted = line[9] == '"';
    const std::size_t end = line.find(quoted ? '"' : '>', 10);
    source.includes.push_back({line.substr(10, end - 10), quoted});
  }
  return source;
}

const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    const fs::path root{GANTRY_SOURCE_DIR};
    std::vector<Source> found;
    for (const char* top : {"core", "plugin-api", "plugins", "cli", "tests"}) {
      for (const auto& entry : fs::recursive_directory_iterator{root / top}) {
        const auto extension = entry.path().extension();
        if (extension == ".cpp" || extension == ".hpp") found.push_back(read(root, entry.path()));
      }
    }
    return found;
  }();
  return all;
}

std::string first_folder(const std::string& include) {
  const std::size_t slash = include.find('/');
  return slash == std::string::npos ? std::string{} : include.substr(0, slash);
}

const Names kNouns{"build", "containers", "images", "networks", "volumes", "system"};

/// What a folder of the core may include beside itself and plugin-api.
Names allowed(const std::string& folder) {
  static const Names below_nouns{"plugins", "state", "events", "wire", "base"};
  if (folder == "base") return {};
  if (folder == "wire") return {"base"};
  if (folder == "isolated") return {"base"};
  if (folder == "plugins") return {"isolated", "wire", "base"};
  if (folder == "driver_host") return {"isolated", "plugins", "base"};
  if (folder == "events" || folder == "state") return {"wire", "base"};
  Names names = below_nouns;
  names.insert(kNouns.begin(), kNouns.end());
  if (folder == "daemon") names.insert("api");
  return names;
}

TEST(Architecture, CoreIncludesDownwardsOnlyAndNoDriver) {
  for (const Source& source : sources()) {
    if (source.top != "core" || source.test()) continue;
    Names names = allowed(source.folder);
    names.insert({source.folder, "gantry", ""});
    // No driver's, but a process of its own, as the Dockerfile builder uses it.
    if (source.folder == "images") names.insert("fetch_process");
    for (const Include& include : source.includes) {
      if (!include.quoted) continue;
      EXPECT_TRUE(names.contains(first_folder(include.name))) << source.path << " includes " << include.name;
    }
  }
}

TEST(Architecture, DriversIncludeThemselvesAndThePluginApiOnly) {
  const fs::path root{GANTRY_SOURCE_DIR};
  for (const Source& source : sources()) {
    if (source.top != "plugins" || source.test()) continue;
    const bool trees = source.folder.starts_with("storage-") || source.folder.starts_with("builder-") ||
                       source.folder == "volume-local" || source.folder == "layer-trees";
    for (const Include& include : source.includes) {
      if (!include.quoted || include.name.starts_with("gantry/")) continue;
      // What the drivers that write trees share is linked into each of them.
      if (trees && include.name.starts_with("layer_archive/")) continue;
      if (source.folder.starts_with("storage-") && include.name.starts_with("layer_trees/")) continue;
      if (source.folder.starts_with("log-") &&
          (include.name.starts_with("log_subject/") || include.name.starts_with("log_files/") ||
           include.name.starts_with("log_servers/"))) {
        continue;
      }
      if ((source.folder == "volume-local" || source.folder == "storage-overlay") &&
          include.name.starts_with("project_quota/")) {
        continue;
      }
      if (source.folder.ends_with("-plugin") && include.name.starts_with("docker_plugin/")) continue;
      if (source.folder.starts_with("runtime-") && include.name.starts_with("container_shim/")) continue;
      if (source.folder.starts_with("ipam-") && include.name.starts_with("net_link/")) continue;
      if (source.folder.starts_with("net-") &&
          (include.name.starts_with("net_link/") || include.name.starts_with("net_parent/"))) {
        continue;
      }
      if (source.folder == "builder-dockerfile" &&
          (include.name.starts_with("path_patterns/") || include.name.starts_with("fetch_process/"))) {
        continue;
      }
      const fs::path own = root / "plugins" / source.folder / include.name;
      const fs::path beside = (root / source.path).parent_path() / include.name;
      EXPECT_TRUE(fs::exists(own) || fs::exists(beside)) << source.path << " includes " << include.name;
    }
  }
}

TEST(Architecture, CommandLineIncludesItselfAndTheWireOnly) {
  const fs::path root{GANTRY_SOURCE_DIR};
  for (const Source& source : sources()) {
    if (source.top != "cli" || source.test()) continue;
    for (const Include& include : source.includes) {
      if (!include.quoted || include.name.starts_with("gantry/") || include.name.starts_with("wire/")) continue;
      // .dockerignore: the client leaves out what the builder would not see.
      if (include.name.starts_with("path_patterns/")) continue;
      const fs::path beside = (root / source.path).parent_path() / include.name;
      EXPECT_TRUE(fs::exists(root / "cli" / include.name) || fs::exists(beside))
          << source.path << " includes " << include.name;
    }
  }
}

TEST(Architecture, PluginApiNeedsTheStandardLibraryOnly) {
  for (const Source& source : sources()) {
    if (source.top != "plugin-api") continue;
    for (const Include& include : source.includes) {
      const std::string folder = first_folder(include.name);
      if (include.quoted) {
        EXPECT_EQ(folder, "gantry") << source.path << " includes " << include.name;
      } else {
        EXPECT_TRUE(folder.empty() || folder == "sys") << source.path << " includes " << include.name;
      }
    }
  }
}

TEST(Architecture, NounsKnowNoHttp) {
  for (const Source& source : sources()) {
    if (source.top != "core" || !kNouns.contains(source.folder)) continue;
    for (const Include& include : source.includes) {
      EXPECT_FALSE(include.name.starts_with("boost/beast")) << source.path << " includes " << include.name;
    }
  }
}

TEST(Architecture, BeastStaysWhereHttpIs) {
  int files_of_cli = 0;
  for (const Source& source : sources()) {
    bool beast = false;
    for (const Include& include : source.includes) beast |= include.name.starts_with("boost/beast");
    if (!beast || source.test()) continue;
    if (source.top == "cli") {
      ++files_of_cli;
      continue;
    }
    EXPECT_TRUE(source.path.starts_with("core/api/") || source.path.starts_with("plugins/registry-hub/") ||
                source.path.starts_with("tests/"))
        << source.path << ": 12 s to compile";
  }
  EXPECT_LE(files_of_cli, 1);
}

// Without its definitions spdlog is another one, of headers only, whose default logger is not the library's.
TEST(Architecture, WhoeverLogsLinksTheLogger) {
  for (const Source& source : sources()) {
    for (const Include& include : source.includes) {
      if (!include.name.starts_with("spdlog/")) continue;
      const fs::path folder = (fs::path{GANTRY_SOURCE_DIR} / source.path).parent_path();
      std::ifstream list{folder / "CMakeLists.txt"};
      const std::string text{std::istreambuf_iterator<char>{list}, {}};
      EXPECT_NE(text.find("spdlog::spdlog"), std::string::npos) << source.path;
    }
  }
}

TEST(Architecture, HeadersAreLight) {
  // Each with its reason: templates over JSON values, included by the sources of their own folder only; and the value
  // of
  // --format's templates, which holds JSON, in the command line, where it is precompiled.
  static const Names exceptions{"core/wire/fields.hpp",      "core/wire/members.hpp",
                                "core/isolated/methods.hpp", "core/isolated/optional_json.hpp",
                                "core/isolated/structs.hpp", "cli/format/go_value.hpp"};
  for (const Source& source : sources()) {
    if (!source.header() || source.top == "tests" || exceptions.contains(source.path)) continue;
    for (const Include& include : source.includes) {
      EXPECT_NE(include.name, "nlohmann/json.hpp") << source.path << ": take json_fwd.hpp";
    }
  }
}

TEST(Architecture, FilesHaveOneSubject) {
  static const std::map<std::string, std::string> exceptions{};  // path, and why it is longer
  for (const Source& source : sources()) {
    if (exceptions.contains(source.path)) continue;
    EXPECT_LE(source.lines, 500) << source.path;
  }
}

/// "Suite.Test" of every TEST and TEST_F.
Names all_tests() {
  static const std::regex definition{R"(TEST(?:_F)?\(\s*(\w+),\s*(\w+)\))"};
  Names names;
  for (const Source& source : sources()) {
    std::ifstream file{fs::path{GANTRY_SOURCE_DIR} / source.path};
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("TEST")) continue;
      std::smatch found;
      if (std::regex_search(line, found, definition)) names.insert(found[1].str() + "." + found[2].str());
    }
  }
  return names;
}

TEST(Architecture, ContractNamesTestsThatThereAre) {
  static const std::regex named{R"(`(\w+\.\w+)`)"};
  const Names tests = all_tests();
  std::ifstream contract{fs::path{GANTRY_SOURCE_DIR} / "plugin-api/CONTRACT.md"};
  for (std::string line; std::getline(contract, line);) {
    if (!std::regex_search(line, std::regex{R"(^\| [A-Z][0-9]+ \|)"})) continue;
    for (std::sregex_iterator found{line.begin(), line.end(), named}, end; found != end; ++found) {
      EXPECT_TRUE(tests.contains((*found)[1].str())) << (*found)[1].str() << " in: " << line;
    }
  }
}

TEST(Architecture, NoFileIsNamedAfterNothing) {
  static const Names empty{"util", "utils", "helper", "helpers", "common", "misc", "manager"};
  for (const Source& source : sources()) {
    EXPECT_FALSE(empty.contains(fs::path{source.path}.stem().string())) << source.path;
    EXPECT_FALSE(empty.contains(source.folder)) << source.path;
  }
}

}  // namespace
