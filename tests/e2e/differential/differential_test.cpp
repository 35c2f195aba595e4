// Every case of cases/ against gantryd, by `gantry` and by the unmodified `docker`: it must answer as dockerd did when
// recorded/ was made, but for what differences.txt allows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "../daemon.hpp"
#include "differences.hpp"
#include "session.hpp"

namespace gantry::e2e::differential {

namespace {

using nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

// Where two lines differ: member by member if both are JSON.
std::string difference(const std::string& expected, const std::string& found) {
  const json before = json::parse(expected, nullptr, false);
  const json after = json::parse(found, nullptr, false);
  if (!before.is_structured() || !after.is_structured())
    return "  dockerd: " + expected + "\n  gantryd: " + found + "\n";
  std::string text;
  for (const json& step : json::diff(before, after)) {
    const json::json_pointer place{step["path"].get<std::string>()};
    text += "  " + place.to_string() + "\n    dockerd: " + (before.contains(place) ? before[place].dump() : "(none)") +
            "\n    gantryd: " + (after.contains(place) ? after[place].dump() : "(none)") + "\n";
  }
  return text;
}

std::string differences_between(const std::string& expected, const std::string& found) {
  const auto before = lines_of(expected);
  const auto after = lines_of(found);
  std::string text;
  std::string command;
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    const std::string mine = i < before.size() ? before[i] : "(nothing)";
    const std::string theirs = i < after.size() ? after[i] : "(nothing)";
    if (mine.starts_with("$ ")) command = mine;
    if (mine == theirs) continue;
    text += std::exchange(command, "") + "\n" + difference(mine, theirs);
    // Once the lines are out of step, the rest says nothing.
    if (mine.starts_with("$ ") != theirs.starts_with("$ ")) break;
  }
  return text;
}

const std::string& docker_version() {
  static const std::string version =
      shell("${GANTRY_TEST_DOCKER:-false} --version | sed 's/.*version \\([0-9]*\\.[0-9]*\\).*/\\1/'").line();
  return version;
}

bool is_recorded_client(const std::string& topic) {
  std::ifstream in{recorded_of(topic)};
  std::string head;
  std::getline(in, head);
  const std::string& version = docker_version();
  return !version.empty() && head.find("by docker " + version) != std::string::npos;
}

const Differences& differences() {
  static const Differences all{std::filesystem::path{GANTRY_DIFFERENTIAL_DIR} / "differences.txt"};
  return all;
}

// What open.txt lists: tests that differ from dockerd and shall not.
const std::set<std::string>& open_tests() {
  static const std::set<std::string> all = [] {
    std::set<std::string> names;
    std::ifstream in{std::filesystem::path{GANTRY_DIFFERENTIAL_DIR} / "open.txt"};
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line.front() != '#') names.insert(line);
    }
    return names;
  }();
  return all;
}

/// One daemon for each topic and client.
class Differential : public ::testing::Test {
 public:
  Differential(std::string topic, std::string client, Case script)
      : topic_(std::move(topic)), client_(std::move(client)), script_(std::move(script)) {}

  static void SetUpTestSuite() {
    daemon = std::make_unique<Daemon>();
    ASSERT_TRUE(daemon->start()) << daemon->log();
  }
  static void TearDownTestSuite() {
    session.reset();
    daemon.reset();
  }

  void SetUp() override {
    if (client_ == "docker" && !is_recorded_client(topic_)) {
      GTEST_SKIP() << "the answers were recorded by another version of the docker CLI, or there is none here";
    }
    if (session) return;
    const bool docker = client_ == "docker";
    const char* path = std::getenv("GANTRY_TEST_DOCKER");
    std::map<std::string, std::string> words{{daemon->data_root().string(), "<root>"},
                                             {daemon->exec_root().string(), "<exec>"}};
    if (!docker) words.insert({{"gantry: ", "docker: "}, {"gantry ", "docker "}});
    session = std::make_unique<Session>(daemon->socket(), docker ? path : program("gantry").string(), words);
    ASSERT_TRUE(session->load_image()) << daemon->log();
  }

  void TestBody() override {
    const auto recorded = read_recorded(recorded_of(topic_));
    const auto expected = recorded.find(script_.name);
    ASSERT_NE(expected, recorded.end()) << "not recorded yet: see README.md";
    const std::string found = session->run(script_);
    const auto compared = differences().compare(topic_, script_.name, client_, expected->second, found);
    const std::string difference = differences_between(compared.dockerd, compared.gantryd);
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    if (!open_tests().contains(std::string{test->test_suite_name()} + "." + test->name())) {
      EXPECT_TRUE(compared.dockerd == compared.gantryd) << script_.name << ":\n" << difference;
      return;
    }
    EXPECT_FALSE(compared.dockerd == compared.gantryd) << script_.name << " is mended: take it out of open.txt";
    std::cout << "differs as yet:\n" << difference;
  }

  static inline std::unique_ptr<Daemon> daemon;
  static inline std::unique_ptr<Session> session;

 private:
  std::string topic_;
  std::string client_;
  Case script_;
};

std::string test_name(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  return out;
}

void each_case(const std::function<void(const std::string& topic, const char* client, const Case&)>& visit) {
  for (const std::string& topic : topics()) {
    for (const Case& script : read_cases(cases_of(topic))) {
      for (const char* client : {"gantry", "docker"}) {
        // What uses no client needs to run but once.
        if (client == std::string{"docker"} && !script.uses_client()) continue;
        visit(topic, client, script);
      }
    }
  }
}

bool register_cases() {
  each_case([](const std::string& topic, const char* client, const Case& script) {
    ::testing::RegisterTest((topic + "_" + client).c_str(), test_name(script.name).c_str(), nullptr, nullptr, __FILE__,
                            __LINE__, [=]() -> Differential* { return new Differential(topic, client, script); });
  });
  return true;
}

const bool registered = register_cases();

TEST(Lists, OpenTestsAreThere) {
  std::set<std::string> left = open_tests();
  each_case([&](const std::string& topic, const char* client, const Case& script) {
    left.erase(topic + "_" + client + "." + test_name(script.name));
  });
  EXPECT_THAT(left, ::testing::IsEmpty()) << "open.txt names what is no test";
}

TEST(Lists, EveryDifferenceConcernsACommand) {
  std::vector<Differences::Place> places;
  each_case([&](const std::string& topic, const char* client, const Case& script) {
    places.push_back({topic + "/" + script.name + "@" + client, script.commands});
  });
  EXPECT_THAT(differences().without_use(places), ::testing::IsEmpty());
}

}  // namespace

}  // namespace gantry::e2e::differential
