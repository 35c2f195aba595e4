#include "images/catalog.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "base/id.hpp"
#include "gantry/error.hpp"
#include "images/attestation.hpp"
#include "images/image_config.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;

template <class T>
void add_new(std::vector<T>& list, const std::vector<T>& more) {
  for (const T& item : more) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  }
}

/// The hex digits of an id or the start of one; empty if `text` is neither.
std::string id_digits(const std::string& text) {
  std::string digits = text.starts_with("sha256:") ? text.substr(7) : text;
  return digits.size() <= 64 && !digits.empty() && is_hex(digits) ? digits : std::string{};
}

json attestation_json(const Attestation& attestation) {
  json manifests = json::array();
  for (const auto& manifest : attestation.manifests) manifests.push_back({manifest.media_type, manifest.content});
  return {{"index", {attestation.index.media_type, attestation.index.content}},
          {"subject", attestation.subject},
          {"manifests", std::move(manifests)}};
}

registry::v1::Manifest manifest_from(const json& item) {
  registry::v1::Manifest out{item.at(0).get<std::string>(), "", item.at(1).get<std::string>()};
  out.digest = sha256_digest(out.content);
  return out;
}

void take_attestation(const json& document, Attestation& out) {
  out.index = manifest_from(document.at("index"));
  out.subject = document.at("subject").get<std::string>();
  for (const json& item : document.at("manifests")) add_manifest(out, manifest_from(item));
}

std::optional<Reference> try_parse(const std::string& text) {
  try {
    return parse_reference(text).with_default_tag();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::string to_record(const ImageRecord& record) {
  json layers = json::array();
  for (const LayerRecord& layer : record.layers) {
    layers.push_back({{"digest", layer.blob.digest},
                      {"type", layer.blob.media_type},
                      {"blob_size", layer.blob.size},
                      {"size", layer.size}});
  }
  json out{{"config", record.image.config_json},
           {"names", record.image.names},
           {"digests", record.image.digests},
           {"layers", std::move(layers)},
           {"manifest", record.manifest.content},
           {"manifest_type", record.manifest.media_type},
           {"parent", record.parent},
           {"last_tagged", record.last_tagged},
           {"hidden", record.hidden}};
  if (!record.attestation.index.content.empty()) out["attestation"] = attestation_json(record.attestation);
  if (!record.noted.empty()) out["noted"] = record.noted;
  return out.dump();
}

void from_record(const std::string& text, ImageRecord& record) {
  const json document = json::parse(text);
  parse_image_config(document.value("config", ""), record.image);
  record.image.names = document.value("names", std::vector<std::string>{});
  record.image.digests = document.value("digests", std::vector<std::string>{});
  for (const json& item : document.value("layers", json::array())) {
    LayerRecord layer;
    layer.blob.digest = item.value("digest", "");
    layer.blob.media_type = item.value("type", "");
    layer.blob.size = item.value("blob_size", std::uint64_t{});
    layer.size = item.value("size", std::uint64_t{});
    record.image.size += layer.size;
    record.layers.push_back(std::move(layer));
  }
  record.manifest.content = document.value("manifest", "");
  record.manifest.media_type = document.value("manifest_type", "");
  if (!record.manifest.content.empty()) record.manifest.digest = sha256_digest(record.manifest.content);
  record.parent = document.value("parent", "");
  record.last_tagged = document.value("last_tagged", Nanoseconds{});
  record.hidden = document.value("hidden", false);
  if (const auto found = document.find("attestation"); found != document.end()) {
    take_attestation(*found, record.attestation);
  }
  record.noted = document.value("noted", std::map<std::string, std::string>{});
}

void throw_no_such_image(const std::string& text) {
  const auto reference = try_parse(text);
  // A name that cannot be one is told so, an id is not taken for a name.
  if (!reference && std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    (void)parse_reference(text);
  }
  throw Error{Errc::not_found, "No such image: " + (reference ? reference->familiar() : text)};
}

std::string to_record(const StepUse& use) {
  return json{{"last_used", use.last_used}, {"count", use.count}, {"result", use.result}, {"alone", use.alone}}.dump();
}

void from_record(const std::string& text, StepUse& use) {
  const json document = json::parse(text);
  use.last_used = document.value("last_used", Nanoseconds{});
  use.count = document.value("count", std::uint64_t{});
  use.result = document.value("result", false);
  use.alone = document.value("alone", false);
}

Catalog::Catalog(state::Store& store) : store_(store), table_(store, "images"), steps_(store, "build_steps") {
  for (const auto& [id, record] : table_.all()) index(id, nullptr);
}

/// After a change of one record: `before` is what it was.
void Catalog::index(const std::string& id, const Record& before) {
  const auto each_name = [](const Record& record, const auto& what) {
    for (const std::string& name : record->image.names) what(name);
    for (const std::string& digest : record->image.digests) what(digest);
  };
  if (before != nullptr) {
    each_name(before, [&](const std::string& name) {
      const auto found = names_.find(name);
      if (found != names_.end() && found->second == id) names_.erase(found);
    });
    const auto siblings = children_.find(before->parent);
    if (siblings != children_.end() && siblings->second.erase(id) > 0 && siblings->second.empty()) {
      children_.erase(siblings);
    }
  }
  const Record after = table_.find(id);
  if (after == nullptr) return;
  each_name(after, [&](const std::string& name) { names_[name] = id; });
  if (!after->hidden) children_[after->parent].insert(id);
}

std::vector<Record> Catalog::children(const std::string& id) const {
  std::vector<Record> out;
  const auto found = children_.find(id);
  if (found == children_.end()) return out;
  for (const std::string& child : found->second) out.push_back(table_.find(child));
  return out;
}

StepUse Catalog::used_again(const std::string& id) const {
  const auto known = steps_.find(id);
  StepUse use = known == nullptr ? StepUse{} : *known;
  use.last_used = now();
  ++use.count;
  return use;
}

void Catalog::note_use(const std::string& id) {
  const StepUse use = used_again(id);
  store_.update([&](state::Transaction& transaction) { steps_.put(transaction, id, use); });
}

void Catalog::note_result(const std::string& id) {
  const auto known = steps_.find(id);
  if (known == nullptr || known->result) return;
  StepUse use = *known;
  use.result = true;
  store_.update([&](state::Transaction& transaction) { steps_.put(transaction, id, use); });
}

bool Catalog::is_cache(const ImageRecord& record) const {
  if (record.hidden || !record.image.names.empty() || !record.image.digests.empty()) return false;
  const auto use = step_use(record.image.id);
  return use != nullptr && !use->result;
}

Record Catalog::find_id(const std::string& id) const { return table_.find(id); }

Record Catalog::find_name(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : table_.find(found->second);
}

Record Catalog::find(const std::string& text) const {
  const std::string digits = id_digits(text);
  if (digits.size() == 64) {
    const Record record = table_.find("sha256:" + digits);
    return record != nullptr && !record->hidden ? record : nullptr;
  }
  if (auto reference = try_parse(text)) {
    // With both, the digest decides.
    const std::string name =
        reference->digest.empty() ? reference->str() : reference->with_digest(reference->digest).str();
    if (const Record record = find_name(name)) return record;
  }
  if (digits.empty()) return nullptr;
  Record match;
  const std::string start = "sha256:" + digits;
  for (auto at = table_.all().lower_bound(start); at != table_.all().end() && at->first.starts_with(start); ++at) {
    if (at->second->hidden) continue;
    if (match != nullptr) return nullptr;
    match = at->second;
  }
  return match;
}

Record Catalog::get(const std::string& reference) const {
  if (Record record = find(reference)) return record;
  throw_no_such_image(reference);
}

std::vector<Record> Catalog::visible() const {
  std::vector<Record> records;
  for (const auto& [id, record] : table_.all()) {
    if (!record->hidden) records.push_back(record);
  }
  return records;
}

std::vector<Record> Catalog::all() const {
  std::vector<Record> records;
  for (const auto& [id, record] : table_.all()) records.push_back(record);
  return records;
}

void Catalog::take_names(state::Transaction& transaction, const std::vector<std::string>& names,
                         const std::string& owner) {
  std::map<std::string, ImageRecord> changed;
  for (const std::string& name : names) {
    const auto found = names_.find(name);
    if (found == names_.end() || found->second == owner) continue;
    const auto [other, fresh] = changed.try_emplace(found->second);
    if (fresh) other->second = *table_.find(found->second);
    std::erase(other->second.image.names, name);
    std::erase(other->second.image.digests, name);
  }
  for (auto& [id, record] : changed) table_.put(transaction, id, std::move(record));
}

Record Catalog::put(ImageRecord record, StepKind kind) {
  const std::string id = record.image.id;
  const Record known = table_.find(id);
  if (known != nullptr) {
    ImageRecord merged = *known;
    merged.hidden = false;
    if (merged.parent.empty()) merged.parent = record.parent;
    add_new(merged.image.names, record.image.names);
    add_new(merged.image.digests, record.image.digests);
    if (merged.manifest.content.empty()) merged.manifest = record.manifest;
    if (merged.layers.empty()) merged.layers = record.layers;
    if (!record.attestation.index.content.empty()) {
      // It is about this manifest and no other.
      merged.manifest = record.manifest;
      merged.layers = record.layers;
      merged.attestation = record.attestation;
    }
    merged.last_tagged = std::max(merged.last_tagged, record.last_tagged);
    record = std::move(merged);
  }
  record.image.size = 0;
  for (const LayerRecord& layer : record.layers) record.image.size += layer.size;
  store_.update([&](state::Transaction& transaction) {
    take_names(transaction, record.image.names, id);
    take_names(transaction, record.image.digests, id);
    table_.put(transaction, id, std::move(record));
    if (kind == StepKind::none) return;
    StepUse use = used_again(id);
    use.alone = use.alone || kind == StepKind::alone;
    steps_.put(transaction, id, use);
  });
  index(id, known);
  return table_.find(id);
}

void Catalog::tag(const std::string& id, const Reference& reference) {
  ImageRecord record = *table_.find(id);
  record.image.names = {reference.str()};
  record.image.digests.clear();
  record.last_tagged = now();
  put(std::move(record));
}

void Catalog::replace(ImageRecord record) {
  const std::string id = record.image.id;
  const Record before = table_.find(id);
  store_.update([&](state::Transaction& transaction) { table_.put(transaction, id, std::move(record)); });
  index(id, before);
}

void Catalog::erase(const std::string& id) {
  const Record before = table_.find(id);
  store_.update([&](state::Transaction& transaction) {
    table_.erase(transaction, id);
    if (steps_.find(id) != nullptr) steps_.erase(transaction, id);
  });
  index(id, before);
}

const LayerRecord* Catalog::find_layer(const std::string& chain_id) const {
  for (const auto& [id, record] : table_.all()) {
    const auto& chain = record->image.chain_ids;
    const auto found = std::find(chain.begin(), chain.end(), chain_id);
    if (found != chain.end()) return &record->layers[static_cast<std::size_t>(found - chain.begin())];
  }
  return nullptr;
}

void Catalog::replace_blob(const std::string& chain_id, const std::string& lost, const Descriptor& blob) {
  std::map<std::string, ImageRecord> changed;
  for (const auto& [id, record] : table_.all()) {
    for (std::size_t at = 0; at < record->layers.size(); ++at) {
      if (record->image.chain_ids[at] != chain_id || record->layers[at].blob.digest != lost) continue;
      changed.try_emplace(id, *record).first->second.layers[at].blob = blob;
    }
  }
  if (changed.empty()) return;
  store_.update([&](state::Transaction& transaction) {
    for (auto& [id, record] : changed) table_.put(transaction, id, std::move(record));
  });
}

std::set<std::string> Catalog::used_layers() const {
  std::set<std::string> used;
  for (const auto& [id, record] : table_.all())
    used.insert(record->image.chain_ids.begin(), record->image.chain_ids.end());
  return used;
}

std::set<std::string> Catalog::used_blobs() const {
  std::set<std::string> used;
  for (const auto& [id, record] : table_.all()) {
    for (const LayerRecord& layer : record->layers) used.insert(layer.blob.digest);
    for (const Descriptor& blob : record->attestation.blobs) used.insert(blob.digest);
  }
  return used;
}

}  // namespace gantry::images
