#include "images/build_steps.hpp"

#include <algorithm>

#include "gantry/error.hpp"
#include "images/authoring.hpp"
#include "images/image_config.hpp"
#include "images/query.hpp"
#include "images/removal.hpp"

namespace gantry::images {
namespace {

bool is_named(const Record& record) { return !record->image.names.empty() || !record->image.digests.empty(); }

/// Whether `record` is what `step` makes of its parent.
bool made_by(const Record& record, const BuildStep& step, const std::string& config) {
  if (record->parent != step.parent) return false;
  const auto history = parse_history(record->image.config_json);
  if (history.empty() || history.back().created_by != step.created_by) return false;
  // Of nothing: an image of one step, not one that was pulled.
  if (step.parent.empty() && history.size() != 1) return false;
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
  const ChildStep child{config_object(step.config), step.author, "", step.created_by, layer};
  Draft draft{child_config(parent, child), {}, layer, {}, step.parent};
  if (parent != nullptr) draft.below = parent->layers;
  co_return co_await keep_image(context, std::move(draft));
}

}  // namespace

awaitable<Record> commit_step(Context& context, BuildStep step) {
  const Record parent = step.parent.empty() ? nullptr : context.catalog.find_id(step.parent);
  if (parent == nullptr && !step.parent.empty()) throw_no_such_image(step.parent);
  const LayerStore::Ingest ingest{context.layers};
  std::optional<TopLayer> layer;
  if (!step.top.empty()) layer = co_await pack_top(context, step.top, TopKind::build_step);
  co_return co_await keep_step(context, parent, step, layer);
}

awaitable<Record> find_step(Context& context, BuildStep step, std::vector<std::string> cache_from) {
  const std::string config = config_object(step.config);
  Record newest;
  for (const Record& record : context.catalog.visible()) {
    if (!made_by(record, step, config)) continue;
    if (newest == nullptr || record->image.created > newest->image.created) newest = record;
  }
  if (newest != nullptr) co_return newest;
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

awaitable<wire::ImagePruneReport> prune_steps(Context& context, Filters filters) {
  const std::int64_t before = images_usage(context).layers_size;
  wire::ImagePruneReport report;
  // From the last step of a build to its first: one that goes may free the one below it.
  for (bool removed = true; removed;) {
    removed = false;
    for (const Record& record : context.catalog.visible()) {
      const bool is_step = !is_named(record) && !record->parent.empty();
      if (!is_step || !matches(context, record, filters)) continue;
      try {
        const auto items = co_await remove_image(context, record->image.id, false, false);
        report.deleted.insert(report.deleted.end(), items.begin(), items.end());
        removed = true;
      } catch (const Error& error) {
        // Something stands on it.
        if (error.code() != Errc::conflict && error.code() != Errc::not_found) throw;
      }
    }
  }
  report.space_reclaimed = before - images_usage(context).layers_size;
  co_return report;
}

}  // namespace gantry::images
