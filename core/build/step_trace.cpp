#include "build/step_trace.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/digest.hpp"
#include "gantry/error.hpp"
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

void StepTrace::add(const TracedStep& step) {
  if (steps_.contains(step.image)) return;
  std::size_t size = sizeof step + step.image.size() + step.parent.size() + step.operation.size();
  for (const std::string& input : step.inputs) size += sizeof input + input.size();
  if (steps_.size() == kMostSteps || bytes_ + size > kMostBytes) {
    throw Error{Errc::exhausted,
                "the build has more steps than can be told with the image: ask for provenance of "
                "mode=min"};
  }
  steps_.emplace(step.image, step);
  bytes_ += size;
}

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
  // A driver's word: it might go round in a circle.
  for (std::set<std::string> seen; !image.empty() && seen.insert(image).second;) {
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
  if (const auto result = add_images(image)) last.inputs.push_back(*result);
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

/// Of those that only changed the config, the files are their parents'. Empty: it has none.
const std::string& StepDefinition::files_of(const std::string& image) {
  std::vector<std::string> passed;
  std::string files = image;
  for (std::set<std::string> seen; seen.insert(files).second && !files_.contains(files);) {
    passed.push_back(files);
    const TracedStep* step = trace_.step(files);
    const bool is_source = step != nullptr && step->parent.empty() && trace_.source(files) != "docker-image://" + files;
    if (step == nullptr || !step->operation.empty() || is_source) break;
    files = step->parent;
  }
  if (const auto known = files_.find(files); known != files_.end()) files = known->second;
  for (const std::string& each : passed) files_[each] = files;
  return files_[image];
}

/// Nothing if it is none, or one that comes only later.
std::optional<std::size_t> StepDefinition::node_of(const std::string& image) {
  const auto found = images_.find(files_of(image));
  return found == images_.end() ? std::nullopt : std::optional{found->second};
}

/// The image behind all that it was made from. Not recursive: it may have been made in very many steps.
std::optional<std::size_t> StepDefinition::add_images(const std::string& image) {
  struct Visit {
    std::string files;
    bool entered = false;
  };
  std::set<std::string> entered;  // Also here a driver's word might go round in a circle.
  std::vector<Visit> visits{{files_of(image)}};
  while (!visits.empty()) {
    const std::string files = visits.back().files;
    if (visits.back().entered) {
      visits.pop_back();
      images_[files] = add_image(files);
    } else if (files.empty() || !entered.insert(files).second) {
      visits.pop_back();
    } else {
      visits.back().entered = true;
      const TracedStep* step = trace_.step(files);
      if (step == nullptr || step->operation.empty()) continue;
      // What is put last comes first.
      for (auto input = step->inputs.rbegin(); input != step->inputs.rend(); ++input) {
        if (input->starts_with("sha256:")) visits.push_back({files_of(*input)});
      }
      visits.push_back({files_of(step->parent)});
    }
  }
  return node_of(image);
}

std::size_t StepDefinition::add_image(const std::string& files) {
  const TracedStep* step = trace_.step(files);
  if (step != nullptr && !step->operation.empty()) return add_step(*step, files);
  const std::size_t out = add_source(trace_.source(files));
  nodes_[out].image = files;
  if (step != nullptr) nodes_[out].first_line = step->first_line;
  if (step != nullptr) nodes_[out].last_line = step->last_line;
  return out;
}

std::size_t StepDefinition::add_step(const TracedStep& step, const std::string& image) {
  Node node;
  node.image = image;
  node.first_line = step.first_line;
  node.last_line = step.last_line;
  node.operation = images::is_bounded_object(step.operation) ? ordered_json::parse(step.operation) : ordered_json{};
  const auto parent = node_of(step.parent);
  if (parent) {
    node.inputs.push_back(*parent);
  } else {
    without_parent(node.operation);
  }
  for (const std::string& input : step.inputs) {
    const auto of_image = input.starts_with("sha256:") ? node_of(input) : std::nullopt;
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
