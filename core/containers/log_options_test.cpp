#include "containers/log_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "containers/validate.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {
namespace {

constexpr const char* kStart = "failed to create task for container: failed to initialize logging driver: ";

std::string told(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

Container logging(std::map<std::string, std::string> options, const char* driver = "json-file") {
  Container container;
  container.id = std::string(64, 'a');
  container.name = "name";
  container.image_id = "sha256:" + std::string(64, 'b');
  container.log_path = "/log";
  container.host_config.log_config = {driver, std::move(options)};
  return container;
}

runtime::v1::Spec spec_of_log(const Container& container) {
  runtime::v1::Spec spec;
  build_log(container, spec);
  return spec;
}

runtime::v1::Stdio stdio_of(const Container& container) { return spec_of_log(container).stdio; }

std::string refused_start(std::map<std::string, std::string> options, const char* driver = "json-file") {
  return told([&] { stdio_of(logging(std::move(options), driver)); });
}

std::string refused(const wire::LogConfig& log) {
  std::vector<std::string> warnings;
  return told([&] { validate_log(log, warnings); });
}

TEST(LogOptions, SizesAreByThousands) {
  EXPECT_EQ(parse_human_size("10m"), 10'000'000U);
  EXPECT_EQ(parse_human_size("1.5kB"), 1500U);
  EXPECT_EQ(parse_human_size("1 GiB"), 1'000'000'000U);
  EXPECT_EQ(parse_human_size("7"), 7U);
  for (const char* wrong : {"", "x", "-1", "1x", "1kk"}) {
    EXPECT_EQ(told([&] { parse_human_size(wrong); }), "invalid size: '" + std::string(wrong) + "'");
  }
}

TEST(LogOptions, BoundTheFiles) {
  EXPECT_EQ(stdio_of(logging({{"max-size", "10m"}, {"max-file", "3"}})).log_max_size, 10'000'000U);
  EXPECT_EQ(stdio_of(logging({{"max-size", "10m"}, {"max-file", "3"}})).log_max_files, 3U);
  EXPECT_EQ(stdio_of(logging({{"max-size", "1k"}})).log_max_files, 1U);
  EXPECT_EQ(stdio_of(logging({{"max-size", "1k"}}, "local")).log_max_files, 5U);
  EXPECT_EQ(stdio_of(logging({})).log_max_size, 20U << 20);
  EXPECT_EQ(stdio_of(logging({})).log_max_files, 5U);
  EXPECT_EQ(stdio_of(logging({{"max-file", "3"}})).log_max_files, 3U);
  EXPECT_EQ(stdio_of(logging({{"max-size", "-1"}})).log_max_size, 0U);
}

TEST(LogOptions, WrongValuesFailTheStartInDockerdsWords) {
  const std::string start = kStart;
  EXPECT_EQ(refused_start({{"max-size", "x"}}), start + "invalid size: 'x'");
  EXPECT_EQ(refused_start({{"max-size", "0"}}), start + "max-size must be a positive number");
  EXPECT_EQ(refused_start({{"max-file", "0"}}), start + "max-file cannot be less than 1");
  EXPECT_EQ(refused_start({{"max-file", "x"}}), start + "strconv.Atoi: parsing \"x\": invalid syntax");
  EXPECT_EQ(refused_start({{"max-file", "1001"}}), start + "invalid value for max-file: '1001'");
  EXPECT_EQ(refused_start({{"compress", "x"}}), start + "strconv.ParseBool: parsing \"x\": invalid syntax");
  EXPECT_EQ(refused_start({{"compress", "true"}}),
            start + "compress cannot be true when max-file is less than 2 or max-size is not set");
  EXPECT_EQ(refused_start({{"max-size", "x"}}, "local"), start + "invalid value for max-size: x: invalid size: 'x'");
  EXPECT_EQ(refused_start({{"max-file", "1"}}, "local"),
            start + "compression cannot be enabled when max file count is 1");
}

TEST(LogOptions, UnknownOnesFailTheCreate) {
  EXPECT_EQ(refused({"foo", {}}), "error looking up logging plugin foo: plugin \"foo\" not found");
  EXPECT_EQ(refused({"json-file", {{"foo", "1"}}}), "unknown log opt 'foo' for json-file log driver");
  EXPECT_EQ(refused({"local", {{"tag", "1"}}}), "unknown log opt 'tag' for log driver local");
  EXPECT_EQ(refused({"json-file", {{"mode", "x"}}}), "logger: logging mode not supported: x");
  EXPECT_EQ(refused({"json-file", {{"max-buffer-size", "1m"}}}),
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  EXPECT_EQ(refused({"json-file", {{"max-buffer-size", "x"}, {"mode", "non-blocking"}}}),
            "error parsing option max-buffer-size: invalid size: 'x'");
  EXPECT_EQ(refused({"none", {{"foo", "1"}}}), "");
}

TEST(LogOptions, LinesCarryWhatWasChosen) {
  Container container = logging({{"labels", "a,none"}, {"labels-regex", "^x"}, {"env", "E"}, {"env-regex", "^Z+$"}});
  container.config.labels = {{"a", "1"}, {"b", "2"}, {"xy", "3"}};
  container.config.env = {"E=4", "F=5", "ZZ=6"};
  EXPECT_EQ(spec_of_log(container).log_attributes, R"({"E":"4","ZZ":"6","a":"1","xy":"3"})");
  EXPECT_THAT(refused_start({{"labels-regex", "["}}),
              ::testing::StartsWith(std::string(kStart) + "error parsing regexp"));
}

TEST(LogOptions, TagsAreTemplates) {
  const auto tag = [](const char* text) { return log_attributes(logging({{"tag", text}}))["tag"]; };
  EXPECT_EQ(tag("{{.Name}}/{{ .ID }}-x"), "name/aaaaaaaaaaaa-x");
  EXPECT_EQ(tag("{{.ImageID}}"), "sha256:bbbbb");
  EXPECT_EQ(told([&] { tag("{{"); }), "template: log-tag:1: unclosed action");
  EXPECT_EQ(
      told([&] { tag("{{.Bogus}}"); }),
      "template: log-tag:1:2: executing \"log-tag\" at <.Bogus>: can't evaluate field Bogus in type *logger.Info");
}

}  // namespace
}  // namespace gantry::containers
