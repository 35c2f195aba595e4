#include "build/step_trace.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

using builder::v1::TracedStep;
using nlohmann::json;
using ::testing::ElementsAre;

const images::Platform kPlatform{"linux", "amd64", ""};
constexpr const char* kRun = R"({"exec":{"meta":{"args":["true"]},"mounts":[{"input":0,"dest":"/"}]}})";
constexpr const char* kCopy =
    R"({"file":{"actions":[{"input":0,"secondaryInput":1,"output":0,"Action":{"copy":{"src":"/a"}}}]}})";

TracedStep traced(const std::string& image, const std::string& parent, const std::string& operation,
                  std::vector<std::string> inputs, std::size_t line) {
  TracedStep out;
  out.image = image;
  out.parent = parent;
  out.operation = operation;
  out.inputs = std::move(inputs);
  out.first_line = out.last_line = line;
  return out;
}

json steps_of(const StepTrace& trace, const std::string& image) {
  return json::parse(StepDefinition{trace, image, kPlatform}.steps().dump());
}

/// FROM busybox / ENV / RUN / COPY a, and a stage beside it that nobody needs.
StepTrace usual_trace() {
  StepTrace trace;
  trace.add_source("sha256:base", "docker-image://docker.io/library/busybox:latest");
  trace.add(traced("sha256:base", "", "", {}, 1));
  trace.add(traced("sha256:env", "sha256:base", "", {}, 2));
  trace.add(traced("sha256:run", "sha256:env", kRun, {}, 3));
  trace.add(traced("sha256:copy", "sha256:run", kCopy, {"local://context"}, 4));
  trace.add(traced("sha256:cmd", "sha256:copy", "", {}, 5));
  trace.add(traced("sha256:other", "sha256:base", kRun, {}, 6));
  return trace;
}

TEST(StepTrace, IsToldFromItsSourcesToItsEnd) {
  const StepTrace trace = usual_trace();
  const json told = steps_of(trace, "sha256:cmd");
  const json& steps = told.at("llbDefinition");
  ASSERT_EQ(steps.size(), 5U) << steps.dump(1);
  EXPECT_EQ(steps[0].at("op").at("Op").at("source").at("identifier"),
            "docker-image://docker.io/library/busybox:latest");
  EXPECT_EQ(steps[0].at("op").at("platform"), (json{{"Architecture", "amd64"}, {"OS", "linux"}}));
  EXPECT_EQ(steps[1].at("op").at("Op"), json::parse(kRun));
  EXPECT_EQ(steps[1].at("inputs"), json({"step0:0"})) << "what only changes the config is no step";
  EXPECT_EQ(steps[2].at("op").at("Op").at("source").at("identifier"), "local://context");
  EXPECT_EQ(steps[3].at("inputs"), json({"step1:0", "step2:0"}));
  EXPECT_TRUE(steps[4].at("op").at("Op").is_null());
  EXPECT_EQ(steps[4].at("inputs"), json({"step3:0"}));
  EXPECT_EQ(told.at("digestMapping").size(), 5U);
}

TEST(StepTrace, KnowsLinesAndLayers) {
  const StepTrace trace = usual_trace();
  const StepDefinition definition{trace, "sha256:cmd", kPlatform};
  const json lines = json::parse(definition.locations().dump());
  EXPECT_EQ(lines.at("step0").at("locations")[0].at("ranges")[0].at("start").at("line"), 1);
  EXPECT_EQ(lines.at("step3").at("locations")[0].at("ranges")[0].at("end").at("line"), 4);
  EXPECT_FALSE(lines.contains("step2"));
  EXPECT_THAT(trace.ancestry("sha256:run"), ElementsAre("sha256:run", "sha256:env", "sha256:base"));
  Made made;
  made.layers = {{"type", "sha256:1", 1, {}}, {"type", "sha256:2", 2, {}}};
  made.depths = {{"sha256:base", 1}, {"sha256:run", 2}};
  const json layers = json::parse(definition.layers(made).dump());
  EXPECT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers.at("step0:0")[0].size(), 1U);
  EXPECT_EQ(layers.at("step1:0")[0][1].at("digest"), "sha256:2");
}

TEST(StepTrace, HasNoInputForNothing) {
  StepTrace trace;
  trace.add(traced("sha256:env", "", "", {}, 2));
  trace.add(traced("sha256:copy", "sha256:env", kCopy, {"local://context"}, 3));
  const json steps = steps_of(trace, "sha256:copy").at("llbDefinition");
  ASSERT_EQ(steps.size(), 3U) << steps.dump(1);
  EXPECT_EQ(steps[1].at("inputs"), json({"step0:0"}));
  EXPECT_EQ(steps[1].at("op").at("Op").at("file").at("actions")[0].at("input"), -1);
  EXPECT_EQ(steps[1].at("op").at("Op").at("file").at("actions")[0].at("secondaryInput"), 0);
}

TEST(StepTrace, TakesADriversWordForNoMoreThanThat) {
  StepTrace trace;
  trace.add(traced("sha256:a", "sha256:b", kRun, {"sha256:a"}, 1));
  trace.add(traced("sha256:b", "sha256:a", "no JSON", {}, 2));
  trace.add(traced("sha256:c", "sha256:d", "", {}, 2));
  trace.add(traced("sha256:d", "sha256:c", "", {}, 2));
  EXPECT_GE(steps_of(trace, "sha256:a").at("llbDefinition").size(), 1U);
  EXPECT_GE(steps_of(trace, "sha256:c").at("llbDefinition").size(), 1U);
}

TEST(StepTrace, TakesNoMoreThanSoMuch) {
  StepTrace many;
  for (std::size_t n = 0; n < StepTrace::kMostSteps; ++n) many.add(traced(std::to_string(n), "", "", {}, 1));
  many.add(traced("0", "", "", {}, 1));  // It is known.
  EXPECT_THROW(many.add(traced("one more", "", "", {}, 1)), Error);
  StepTrace large;
  const std::string half(StepTrace::kMostBytes / 2, 'x');
  large.add(traced("a", "", half, {}, 1));
  EXPECT_THROW(large.add(traced("b", "", "", {half}, 1)), Error);
}

TEST(StepTrace, TellsAsManyStepsAsItTakes) {
  StepTrace trace;
  const auto image = [](std::size_t n) { return n == 0 ? std::string{} : "sha256:" + std::to_string(n); };
  // Every other one only changes the config.
  for (std::size_t n = 1; n <= StepTrace::kMostSteps; ++n) {
    const bool changes_files = n % 2 == 0;
    trace.add(traced(image(n), image(n - 1), changes_files ? "{}" : "", {}, n));
  }
  const std::string last = image(StepTrace::kMostSteps);
  // The end is a step too.
  EXPECT_EQ(steps_of(trace, last).at("llbDefinition").size(), StepTrace::kMostSteps / 2 + 1);
  EXPECT_EQ(trace.ancestry(last).size(), StepTrace::kMostSteps);
}

TEST(StepTrace, LooksForTheFilesOfAnImageOnce) {
  StepTrace trace;
  const auto config = [](std::size_t n) { return "sha256:config" + std::to_string(n); };
  constexpr std::size_t kHalf = StepTrace::kMostSteps / 2 - 1;
  for (std::size_t n = 1; n <= kHalf; ++n) trace.add(traced(config(n), config(n - 1), "", {}, 1));
  std::vector<std::string> all;
  for (std::size_t n = 1; n <= kHalf; ++n) all.push_back(config(n));
  trace.add(traced("sha256:end", config(kHalf), "{}", all, 1));
  const json steps = steps_of(trace, "sha256:end").at("llbDefinition");
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[1].at("inputs").size(), kHalf + 1);
}

}  // namespace
}  // namespace gantry::build
