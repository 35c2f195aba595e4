#include "build/step_trace.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/digest.hpp"
#include "images/bounded_json.hpp"

namespace gantry::build {
namespace {

using builder::v1::TracedStep;
using nlohmann::ordered_json;

std::string name_of_step(std::size_t number) { return "step" + std::to_string(number); }

std::string dumped(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json platform_of(const images::Platform& platform) {
  ordered_json out{{"Architecture", platform.architecture}, {"OS", platform.os}};
  if (!platform.variant.empty()) out["Variant"] = platform.variant;
  return out;
}

/// Without a parent each input has the number before: what was the parent is nothing.
void without_parent(ordered_json& operation) {
  const auto lower = [](ordered_json& object, const char* member) {
    const auto found = object.find(member);
    if (found != object.end() && found->is_number_integer() && found->get<std::int64_t>() >= 0) {
      *found = found->get<std::int64_t>() - 1;
    }
  };
  if (operation.contains("exec") && operation["exec"].contains("mounts")) {
    for (ordered_json& mount : operation["exec"]["mounts"]) lower(mount, "input");
  }
  if (operation.contains("file") && operation["file"].contains("actions")) {
    for (ordered_json& action : operation["file"]["actions"]) {
      lower(action, "input");
      lower(action, "secondaryInput");
    }
  }
}

}  // namespace

const TracedStep* StepTrace::step(const std::string& image) const {
  const auto found = steps_.find(image);
  return found == steps_.end() ? nullptr : &found->second;
}

std::string StepTrace::source(const std::string& image) const {
  const auto found = sources_.find(image);
  return found == sources_.end() ? "docker-image://" + image : found->second;
}

std::vector<std::string> StepTrace::ancestry(std::string image) const {
  std::vector<std::string> out;
  while (!image.empty() && std::find(out.begin(), out.end(), image) == out.end()) {
    out.push_back(image);
    const TracedStep* known = step(image);
    image = known == nullptr ? "" : known->parent;
  }
  return out;
}

struct StepDefinition::Node {
  ordered_json operation;
  std::vector<std::size_t> inputs;
  std::string image;  ///< What comes out; empty: files that are no image.
  std::size_t first_line{};
  std::size_t last_line{};
  std::string digest;
};

StepDefinition::StepDefinition(const StepTrace& trace, const std::string& image, const images::Platform& platform)
    : trace_(trace), platform_(platform) {
  Node last;
  if (const auto result = add_image(image)) last.inputs.push_back(*result);
  put(std::move(last));
}

StepDefinition::~StepDefinition() = default;

std::size_t StepDefinition::put(Node node) {
  ordered_json telling{{"op", node.operation}, {"inputs", ordered_json::array()}};
  for (const std::size_t input : node.inputs) telling["inputs"].push_back(nodes_[input].digest);
  node.digest = sha256_digest(dumped(telling));
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

std::size_t StepDefinition::add_source(const std::string& identifier) {
  if (const auto known = sources_.find(identifier); known != sources_.end()) return known->second;
  Node node;
  node.operation = {{"source", {{"identifier", identifier}}}};
  const std::size_t out = put(std::move(node));
  sources_.emplace(identifier, out);
  return out;
}

std::optional<std::size_t> StepDefinition::add_image(const std::string& image) {
  // Of those that only changed the config, the files are their parents'.
  std::string files = image;
  const TracedStep* step = trace_.step(files);
  for (std::set<std::string> seen; step != nullptr && step->operation.empty() && seen.insert(files).second;) {
    const bool is_source = step->parent.empty() && trace_.source(files) != "docker-image://" + files;
    if (is_source) break;
    files = step->parent;
    step = trace_.step(files);
  }
  if (files.empty()) return {};
  if (const auto known = images_.find(files); known != images_.end()) return known->second;
  if (!under_way_.insert(files).second) return {};
  std::size_t out = 0;
  if (step == nullptr || step->operation.empty()) {
    out = add_source(trace_.source(files));
    nodes_[out].image = files;
    if (step != nullptr) nodes_[out].first_line = step->first_line;
    if (step != nullptr) nodes_[out].last_line = step->last_line;
  } else {
    out = add_step(*step, files);
  }
  images_[files] = out;
  return out;
}

std::size_t StepDefinition::add_step(const TracedStep& step, const std::string& image) {
  Node node;
  node.image = image;
  node.first_line = step.first_line;
  node.last_line = step.last_line;
  node.operation = images::is_bounded_object(step.operation) ? ordered_json::parse(step.operation) : ordered_json{};
  const auto parent = add_image(step.parent);
  if (parent) {
    node.inputs.push_back(*parent);
  } else {
    without_parent(node.operation);
  }
  for (const std::string& input : step.inputs) {
    const auto of_image = input.starts_with("sha256:") ? add_image(input) : std::nullopt;
    node.inputs.push_back(of_image ? *of_image : add_source(input));
  }
  return put(std::move(node));
}

ordered_json StepDefinition::steps() const {
  ordered_json list = ordered_json::array();
  ordered_json digests = ordered_json::object();
  for (std::size_t at = 0; at < nodes_.size(); ++at) {
    const Node& node = nodes_[at];
    ordered_json operation{{"Op", node.operation}};
    if (!node.operation.is_null()) {
      operation["platform"] = platform_of(platform_);
      operation["constraints"] = ordered_json::object();
    }
    ordered_json step{{"id", name_of_step(at)}, {"op", std::move(operation)}};
    for (const std::size_t input : node.inputs) step["inputs"].push_back(name_of_step(input) + ":0");
    list.push_back(std::move(step));
    digests[node.digest] = name_of_step(at);
  }
  return {{"llbDefinition", std::move(list)}, {"digestMapping", std::move(digests)}};
}

ordered_json StepDefinition::locations() const {
  ordered_json out = ordered_json::object();
  for (std::size_t at = 0; at < nodes_.size(); ++at) {
    const Node& node = nodes_[at];
    if (node.first_line == 0) continue;
    const ordered_json range{{"start", {{"line", node.first_line}}}, {"end", {{"line", node.last_line}}}};
    const ordered_json ranges{{"ranges", ordered_json::array({range})}};
    out[name_of_step(at)] = {{"locations", ordered_json::array({ranges})}};
  }
  return out;
}

ordered_json StepDefinition::layers(const Made& made) const {
  ordered_json out = ordered_json::object();
  for (std::size_t at = 0; at < nodes_.size(); ++at) {
    const auto depth = made.depths.find(nodes_[at].image);
    if (nodes_[at].image.empty() || depth == made.depths.end()) continue;
    ordered_json list = ordered_json::array();
    for (std::size_t layer = 0; layer < std::min(depth->second, made.layers.size()); ++layer) {
      const auto& blob = made.layers[layer];
      list.push_back({{"mediaType", blob.media_type}, {"digest", blob.digest}, {"size", blob.size}});
    }
    out[name_of_step(at) + ":0"] = ordered_json::array({std::move(list)});
  }
  return out;
}

}  // namespace gantry::build
