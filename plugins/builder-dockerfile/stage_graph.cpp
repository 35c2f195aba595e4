#include "stage_graph.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "text.hpp"

namespace gantry::dockerfile {
namespace {

/// A recipe has no room for so many: only triggers, which each stage on top sets off again, can come to more.
constexpr std::size_t kMostNames = 2'000'000;

/// The stages that an instruction takes files from, by name.
std::vector<std::string> froms_of(const Instruction& instruction) {
  if (const auto* copy = std::get_if<Copy>(&instruction.what)) return {copy->from};
  std::vector<std::string> out;
  if (const auto* run = std::get_if<Run>(&instruction.what)) {
    for (const RunMount& mount : run->mounts) out.push_back(mount.from);
  }
  return out;
}

/// The same of the triggers that a stage leaves to those that stand on it.
std::vector<std::string> froms_of_triggers(const Stage& base, char escape) {
  std::vector<std::string> out;
  for (const Instruction& instruction : base.instructions) {
    const auto* trigger = std::get_if<OnBuild>(&instruction.what);
    if (trigger == nullptr) continue;
    const Document document = parse_document(trigger->instruction, "ONBUILD");
    for (const Node& node : document.nodes) {
      for (std::string& name : froms_of(parse_instruction(node, escape))) out.push_back(std::move(name));
    }
  }
  return out;
}

class StageGraph {
 public:
  StageGraph(const Recipe& recipe, const Arguments& arguments, const Call& call)
      : recipe_(recipe), global_(arguments.global()), call_(call) {}

  /// A stage only needs earlier ones. Not by recursion: a stranger may have any number of stages on top of each other.
  Schedule::Dependencies needed_for(std::size_t last) {
    needed_[last];
    for (auto at = needed_.rbegin(); at != needed_.rend(); ++at) {
      call_.check();
      look_at(at->first, at->second);
      for (const std::size_t one : at->second) needed_[one];
    }
    return std::move(needed_);
  }

 private:
  void look_at(std::size_t stage, std::set<std::size_t>& needs) {
    const Stage& wanted = recipe_.stages[stage];
    const std::string base = expand(wanted.from.base, recipe_.escape, global_);
    if (const auto parent = find_base_stage(recipe_, base, stage)) {
      needs.insert(*parent);
      take(triggers_of(*parent), stage, needs);
    }
    for (const Instruction& instruction : wanted.instructions) take(froms_of(instruction), stage, needs);
  }

  void take(const std::vector<std::string>& names, std::size_t stage, std::set<std::size_t>& needs) {
    names_ += names.size();
    if (names_ > kMostNames) throw Error{Errc::invalid, "the stages of the Dockerfile set off too many triggers"};
    for (const std::string& name : names) {
      if (const auto origin = find_stage(recipe_, name, stage)) needs.insert(*origin);
    }
  }

  const std::vector<std::string>& triggers_of(std::size_t base) {
    const auto known = triggers_.find(base);
    if (known != triggers_.end()) return known->second;
    return triggers_.emplace(base, froms_of_triggers(recipe_.stages[base], recipe_.escape)).first->second;
  }

  const Recipe& recipe_;
  const Variables global_;
  const Call& call_;
  Schedule::Dependencies needed_;
  std::map<std::size_t, std::vector<std::string>> triggers_;  ///< Where files are taken from, by the stage below.
  std::size_t names_{};
};

}  // namespace

std::optional<std::size_t> find_stage(const Recipe& recipe, const std::string& name, std::size_t before) {
  const auto named = name.empty() ? recipe.named.end() : recipe.named.find(lower(name));
  if (named != recipe.named.end()) {
    const auto& stages = named->second;
    const auto after = std::lower_bound(stages.begin(), stages.end(), before);
    if (after != stages.begin()) return *std::prev(after);
  }
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && end == name.data() + name.size() && number < before) return number;
  return {};
}

std::optional<std::size_t> find_base_stage(const Recipe& recipe, const std::string& name, std::size_t before) {
  const auto found = find_stage(recipe, name, before);
  return found && recipe.stages[*found].from.stage == lower(name) ? found : std::nullopt;
}

Schedule::Dependencies needed_stages(const Recipe& recipe, const Arguments& arguments, std::size_t last,
                                     const Call& call) {
  return StageGraph{recipe, arguments, call}.needed_for(last);
}

}  // namespace gantry::dockerfile
