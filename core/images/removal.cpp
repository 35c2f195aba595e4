#include "images/removal.hpp"

#include <algorithm>

#include "base/id.hpp"
#include "gantry/error.hpp"
#include "images/query.hpp"

namespace gantry::images {
namespace {

using Items = std::vector<wire::ImageDeleteItem>;

/// Why an image cannot be removed. A hard one holds whatever the user forces.
struct Conflict {
  bool hard{};
  std::string message;
};

bool is_id_of(const std::string& id, const std::string& text) {
  const std::string digits = text.starts_with("sha256:") ? text.substr(7) : text;
  return !digits.empty() && is_hex(digits) && id.substr(7).starts_with(digits);
}

/// At most one tag, and all digests of the same repository.
bool is_single_reference(const Image& image) {
  if (image.names.size() + image.digests.size() <= 1) return true;
  if (image.names.size() > 1) return false;
  std::set<std::string> repositories;
  for (const std::string& digest : image.digests) repositories.insert(parse_reference(digest).name());
  const std::string single = image.names.empty() ? *repositories.begin() : parse_reference(image.names.front()).name();
  return repositories.size() == 1 && repositories.contains(single);
}

class Removal {
 public:
  explicit Removal(Context& context) : context_(context) {}

  void remove_reference(const std::string& text, bool force) {
    Record record = context_.catalog.get(text);
    const std::string id = record->image.id;
    const bool by_id = context_.catalog.find_name(normalized(text)) == nullptr && is_id_of(id, text);
    if (!by_id) {
      check_reference_use(text, record, force);
      return remove_name(record, normalized(text), force);
    }
    // The image's own name does not protect it: it goes with it.
    const bool single = is_single_reference(record->image);
    if (const auto conflict = find_conflict(record->image, force, single)) throw_conflict(id, *conflict);
    erase(record, names_of(record->image));
  }

  /// A parent that has become free by the way; one that something holds stays.
  void remove_unused_parent(const Record& record) {
    if (!record->hidden && !find_conflict(record->image, false, false)) erase(record, {});
  }

  /// Removes the layers that became free.
  awaitable<Items> finish() {
    const std::vector<std::string> removed = co_await context_.layers.collect(chains_);
    for (const std::string& chain_id : removed) items_.push_back({"", chain_id});
    co_return std::move(items_);
  }

  [[nodiscard]] const std::vector<std::string>& parents() const { return parents_; }

 private:
  static std::string normalized(const std::string& text) {
    try {
      const Reference reference = parse_reference(text).with_default_tag();
      return (reference.digest.empty() ? reference : reference.with_digest(reference.digest)).str();
    } catch (const Error&) {
      return text;
    }
  }

  std::vector<Service::User> users(const std::string& id) const {
    return context_.users ? context_.users(id) : std::vector<Service::User>{};
  }

  void check_reference_use(const std::string& text, const Record& record, bool force) const {
    if (force || !is_single_reference(record->image)) return;
    const auto using_it = users(record->image.id);
    if (using_it.empty()) return;
    throw Error{Errc::conflict, "conflict: unable to remove repository reference \"" + text +
                                    "\" (must force) - container " + using_it.front().container_id.substr(0, 12) +
                                    " is using its referenced image " + short_id(record->image.id)};
  }

  static std::vector<std::string> names_of(const Image& image) {
    std::vector<std::string> names = image.names;
    names.insert(names.end(), image.digests.begin(), image.digests.end());
    return names;
  }

  /// Tells of names that are no more. Of a name's digests, which go with it, there is no event.
  void note_untagged(const Record& before, const std::vector<std::string>& gone, bool events_for_all) {
    const std::string& id = before->image.id;
    for (std::size_t at = 0; at < gone.size(); ++at) {
      items_.push_back({familiar(gone[at]), ""});
      if (at == 0 || events_for_all) publish(context_, "untag", id, id, before);
    }
  }

  /// Takes one name off, and its repository's digests with the repository's last tag. The image goes with the last of
  /// all, in the same commit, unless something holds it: then, as with dockerd, it stays without a name.
  void remove_name(const Record& before, const std::string& name, bool force) {
    ImageRecord record = *before;
    Image& image = record.image;
    const bool by_digest = std::erase(image.digests, name) > 0;
    std::erase(image.names, name);
    std::vector<std::string> gone{name};
    const std::string repository = parse_reference(name).name();
    const auto same = [&](const std::string& other) { return parse_reference(other).name() == repository; };
    if (!by_digest && std::none_of(image.names.begin(), image.names.end(), same)) {
      std::copy_if(image.digests.begin(), image.digests.end(), std::back_inserter(gone), same);
      std::erase_if(image.digests, same);
    }
    const bool left = !image.names.empty() || !image.digests.empty();
    if (!left && !find_conflict(image, force, false)) return erase(before, gone, false);
    context_.catalog.replace(std::move(record));
    note_untagged(before, gone, false);
  }

  std::optional<Conflict> find_conflict(const Image& image, bool force, bool ignore_names) const {
    if (context_.catalog.has_children(image.id)) return Conflict{true, "image has dependent child images"};
    if (context_.is_held(image.id)) return Conflict{true, "image is being used by a running build"};
    const auto using_it = users(image.id);
    for (const auto& user : using_it) {
      if (user.running) {
        return Conflict{true, "image is being used by running container " + user.container_id.substr(0, 12)};
      }
    }
    if (force) return {};
    if (!ignore_names && (!image.names.empty() || !image.digests.empty())) {
      return Conflict{false, "image is referenced in multiple repositories"};
    }
    if (using_it.empty()) return {};
    return Conflict{false, "image is being used by stopped container " + using_it.front().container_id.substr(0, 12)};
  }

  [[noreturn]] static void throw_conflict(const std::string& id, const Conflict& conflict) {
    throw Error{Errc::conflict, "conflict: unable to delete " + short_id(id) +
                                    (conflict.hard ? " (cannot be forced) - " : " (must be forced) - ") +
                                    conflict.message};
  }

  /// One commit: a daemon that dies leaves the image with its names, or neither.
  void erase(const Record& record, const std::vector<std::string>& gone, bool events_for_all = true) {
    const std::string& id = record->image.id;
    chains_.insert(chains_.end(), record->image.chain_ids.rbegin(), record->image.chain_ids.rend());
    if (users(id).empty()) {
      context_.catalog.erase(id);
    } else {
      ImageRecord hidden = *record;
      hidden.hidden = true;
      hidden.image.names.clear();
      hidden.image.digests.clear();
      context_.catalog.replace(std::move(hidden));
    }
    note_untagged(record, gone, events_for_all);
    publish(context_, "delete", id, id, nullptr);  // as with dockerd it has no labels any more
    items_.push_back({"", id});
    if (!record->parent.empty()) parents_.push_back(record->parent);
  }

  Context& context_;
  Items items_;
  std::vector<std::string> chains_;   // of removed images, top first
  std::vector<std::string> parents_;  // of removed images
};

}  // namespace

awaitable<Items> remove_image(Context& context, std::string reference, bool force, bool prune_parents) {
  Removal removal{context};
  removal.remove_reference(reference, force);
  for (std::size_t at = 0; prune_parents && at < removal.parents().size(); ++at) {
    const std::string parent = removal.parents()[at];
    const Record record = context.catalog.find_id(parent);
    if (record != nullptr && record->image.names.empty() && record->image.digests.empty()) {
      removal.remove_unused_parent(record);
    }
  }
  co_return co_await removal.finish();
}

awaitable<Items> remove_platforms(Context& context, std::string reference, std::vector<Platform> platforms, bool force,
                                  bool prune_parents) {
  if (!force) {
    throw Error{Errc::invalid,
                "Content will be removed from all images referencing this variant. Use --force to force delete."};
  }
  std::string id;
  for (const Platform& platform : platforms) id = find_for(context, reference, platform)->image.id;
  return remove_image(context, std::move(id), force, prune_parents);
}

awaitable<wire::ImagePruneReport> prune_images(Context& context, Filters filters) {
  for (const auto& [name, values] : filters) {
    if (name != "dangling" && name != "label" && name != "label!" && name != "until") {
      throw Error{Errc::invalid, "invalid filter '" + name + "'"};
    }
  }
  const bool dangling_only = bool_filter(filters, "dangling").value_or(true);
  filters.erase("dangling");
  check_until(filters);
  const std::int64_t before = layers_size(context);
  wire::ImagePruneReport report;
  for (const Record& record : context.catalog.visible()) {
    const Image& image = record->image;
    const bool named = !image.names.empty() || !image.digests.empty();
    if ((dangling_only && named) || !matches(context, record, filters)) continue;
    if (context.is_held(image.id)) continue;
    // Of an image in use, whose last name cannot go, the others do.
    std::vector<std::string> references = image.names;
    references.insert(references.end(), image.digests.begin(), image.digests.end());
    std::sort(references.begin(), references.end());
    if (references.empty()) references.push_back(image.id);
    for (const std::string& reference : references) {
      if (context.catalog.find(reference) == nullptr) continue;
      try {
        const std::string shown = reference == image.id ? reference : familiar(reference);
        const Items removed = co_await remove_image(context, shown, false, true);
        report.deleted.insert(report.deleted.end(), removed.begin(), removed.end());
      } catch (const Error& error) {
        if (error.code() != Errc::conflict) throw;
      }
    }
  }
  std::uint64_t beginnings = 0;
  // Who asks for some images means no others.
  if (filters.empty()) {
    beginnings =
        co_await context.workers.run(Pool::slow, [&blobs = context.blobs] { return blobs.remove_beginnings(); });
  }
  report.space_reclaimed = before - layers_size(context) + static_cast<std::int64_t>(beginnings);
  events::Event event;
  event.type = "image";
  event.action = "prune";
  event.attributes["reclaimed"] = std::to_string(report.space_reclaimed);
  context.bus.publish(std::move(event));
  co_return report;
}

awaitable<void> forget_hidden(Context& context) {
  std::vector<std::string> chains;
  for (const Record& record : context.catalog.all()) {
    if (!record->hidden || (context.users && !context.users(record->image.id).empty())) continue;
    chains.insert(chains.end(), record->image.chain_ids.rbegin(), record->image.chain_ids.rend());
    context.catalog.erase(record->image.id);
  }
  if (!chains.empty()) co_await context.layers.collect(chains);
}

}  // namespace gantry::images
