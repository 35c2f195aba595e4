#include "images/build_steps.hpp"

#include <algorithm>
#include <set>

#include "gantry/error.hpp"
#include "images/authoring.hpp"
#include "images/image_config.hpp"
#include "images/platform.hpp"
#include "images/query.hpp"
#include "images/removal.hpp"

namespace gantry::images {
namespace {

/// Who stands on nothing is for whatever the build is for.
bool is_for(const Record& record, const BuildStep& step) {
  if (!step.parent.empty()) return true;
  const Platform wanted = step.platform.empty() ? host_platform() : parse_platform(step.platform);
  return Platform{record->image.os, record->image.architecture, record->image.variant} == wanted;
}

/// Whether `record`, which was made from the step's parent, is what the step makes of it. The image's own history does
/// not say so: anybody's image can claim to be a step's (CVE-2024-24557).
bool made_by(const Context& context, const Record& record, const BuildStep& step, const std::string& config) {
  if (context.catalog.step_use(record->image.id) == nullptr || record->image.last_step != step.created_by) return false;
  // One of another time is another image.
  if (step.created && record->image.created != *step.created * 1'000'000'000) return false;
  if (!is_for(record, step)) return false;
  return config_object(record->image.config) == config && record->image.author == step.author;
}

template <class T>
bool starts_with(const std::vector<T>& whole, const std::vector<T>& start) {
  return start.size() <= whole.size() && std::equal(start.begin(), start.end(), whole.begin());
}

/// How many layers the first `steps` of a history have made.
std::size_t layers_of(const std::vector<HistoryEntry>& history, std::size_t steps) {
  return static_cast<std::size_t>(std::count_if(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(steps),
                                                [](const HistoryEntry& entry) { return !entry.empty_layer; }));
}

/// Whether an image from elsewhere has gone the parent's way and then done this step.
bool has_step(const Record& candidate, const Record& parent, const BuildStep& step) {
  const auto theirs = parse_history(candidate->image.config_json);
  const auto ours = parent == nullptr ? std::vector<HistoryEntry>{} : parse_history(parent->image.config_json);
  if (theirs.size() <= ours.size() || theirs[ours.size()].created_by != step.created_by) return false;
  for (std::size_t at = 0; at < ours.size(); ++at) {
    if (theirs[at].created_by != ours[at].created_by || theirs[at].empty_layer != ours[at].empty_layer) return false;
  }
  const auto below = parent == nullptr ? std::vector<std::string>{} : parent->image.chain_ids;
  return layers_of(theirs, ours.size() + 1) <= candidate->image.diff_ids.size() &&
         starts_with(candidate->image.chain_ids, below);
}

}  // namespace

namespace {

awaitable<Record> keep_step(Context& context, Record parent, BuildStep step, std::optional<TopLayer> layer) {
  const ChildStep child{
      config_object(step.config), step.author, "", step.created_by, layer, "", step.created, step.platform};
  const StepKind kind = step.alone && layer ? StepKind::alone : StepKind::usual;
  Draft draft{child_config(parent, child), {}, layer, {}, step.parent, kind};
  if (parent != nullptr) draft.below = parent->layers;
  co_return co_await keep_image(context, std::move(draft));
}

}  // namespace

awaitable<Record> commit_step(Context& context, BuildStep step) {
  const Record parent = step.parent.empty() ? nullptr : context.catalog.find_id(step.parent);
  if (parent == nullptr && !step.parent.empty()) throw_no_such_image(step.parent);
  const LayerStore::Ingest ingest{context.layers};
  std::optional<TopLayer> layer;
  if (!step.top.empty()) layer = co_await pack_top(context, step.top, TopKind::build_step, step.created);
  co_return co_await keep_step(context, parent, step, layer);
}

awaitable<Record> find_step(Context& context, BuildStep step, std::vector<std::string> cache_from) {
  const std::string config = config_object(step.config);
  Record newest;
  for (const Record& record : context.catalog.children(step.parent)) {
    if (!made_by(context, record, step, config)) continue;
    if (newest == nullptr || record->image.created > newest->image.created) newest = record;
  }
  if (newest != nullptr) {
    context.catalog.note_use(newest->image.id);
    co_return newest;
  }
  const Record parent = step.parent.empty() ? nullptr : context.catalog.find_id(step.parent);
  for (const std::string& name : cache_from) {
    const Record candidate = context.catalog.find(name);
    if (candidate == nullptr || !has_step(candidate, parent, step)) continue;
    // The image in between is not here, but all that it is made of.
    const auto history = parse_history(candidate->image.config_json);
    const std::size_t at = parent == nullptr ? 0 : parse_history(parent->image.config_json).size();
    std::optional<TopLayer> layer;
    if (!history[at].empty_layer) {
      const std::size_t index = layers_of(history, at);
      layer = TopLayer{candidate->layers[index].blob, candidate->image.diff_ids[index]};
    }
    co_return co_await keep_step(context, parent, step, layer);
  }
  co_return nullptr;
}

awaitable<Record> graft_step(Context& context, BuildStep step) {
  Record newest;
  for (const Record& record : context.catalog.visible()) {
    // A command can be worded like any other step, and its layer is whatever the image below makes of it.
    const auto use = context.catalog.step_use(record->image.id);
    if (use == nullptr || !use->alone || record->image.last_step != step.created_by) continue;
    if (step.created && record->image.created != *step.created * 1'000'000'000) continue;
    if (newest != nullptr && record->image.created <= newest->image.created) continue;
    const auto history = parse_history(record->image.config_json);
    if (!history.empty() && !history.back().empty_layer && !record->layers.empty()) newest = record;
  }
  if (newest == nullptr) co_return nullptr;
  const Record parent = step.parent.empty() ? nullptr : context.catalog.find_id(step.parent);
  if (parent == nullptr && !step.parent.empty()) throw_no_such_image(step.parent);
  const std::optional<TopLayer> layer = TopLayer{newest->layers.back().blob, newest->image.diff_ids.back()};
  context.catalog.note_use(newest->image.id);
  step.alone = true;
  co_return co_await keep_step(context, parent, step, layer);
}

namespace {

/// The layer that a step adds to its parent; none if it changed no file.
const std::string* own_layer(const Context& context, const Record& record) {
  const auto& chain = record->image.chain_ids;
  const Record parent = record->parent.empty() ? nullptr : context.catalog.find_id(record->parent);
  const std::size_t below = parent == nullptr ? 0 : parent->image.chain_ids.size();
  return chain.size() > below ? &chain.back() : nullptr;
}

CachedStep described(const Context& context, const Record& record) {
  CachedStep out;
  out.id = record->image.id;
  out.parent = record->parent;
  out.description = record->image.last_step;
  out.created = record->image.created;
  if (const auto use = context.catalog.step_use(out.id)) {
    out.last_used = use->last_used;
    out.use_count = use->count;
  }
  out.in_use = context.is_held(out.id) || (context.users && !context.users(out.id).empty());
  return out;
}

}  // namespace

std::vector<CachedStep> cached_steps(const Context& context) {
  std::set<std::string> taken;
  std::vector<Record> steps;
  for (const Record& record : context.catalog.all()) {
    if (context.catalog.is_cache(*record)) {
      steps.push_back(record);
    } else {
      taken.insert(record->image.chain_ids.begin(), record->image.chain_ids.end());
    }
  }
  std::vector<CachedStep> out;
  std::set<std::string> counted;  // A layer that several steps have is one on disk.
  for (const Record& record : steps) {
    CachedStep step = described(context, record);
    if (const std::string* layer = own_layer(context, record)) {
      if (counted.insert(*layer).second) step.size = record->layers.back().size;
      step.shared = taken.contains(*layer);
    }
    out.push_back(std::move(step));
  }
  // What an image was made from goes with that image.
  std::set<std::string> ancestors;
  for (const Record& record : context.catalog.visible()) {
    if (context.catalog.is_cache(*record)) continue;
    for (std::string id = record->parent; !id.empty() && ancestors.insert(id).second;) {
      const Record parent = context.catalog.find_id(id);
      id = parent == nullptr ? std::string{} : parent->parent;
    }
  }
  for (CachedStep& step : out) step.shared = step.shared || ancestors.contains(step.id);
  return out;
}

awaitable<std::optional<std::uint64_t>> remove_step(Context& context, std::string id) {
  const Record record = context.catalog.find_id(id);
  if (record == nullptr || !context.catalog.is_cache(*record)) co_return std::nullopt;
  if (context.is_held(id) || context.catalog.has_children(id)) co_return std::nullopt;
  std::vector<wire::ImageDeleteItem> items;
  try {
    items = co_await remove_image(context, id, false, false);
  } catch (const Error& error) {
    // Something has come to stand on it.
    if (error.code() != Errc::conflict && error.code() != Errc::not_found) throw;
    co_return std::nullopt;
  }
  std::uint64_t freed = 0;
  const auto& chain = record->image.chain_ids;
  for (std::size_t at = 0; at < chain.size(); ++at) {
    const bool gone =
        std::any_of(items.begin(), items.end(), [&](const auto& item) { return item.deleted == chain[at]; });
    if (gone) freed += record->layers[at].size;
  }
  co_return freed;
}

}  // namespace gantry::images
