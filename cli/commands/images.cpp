#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "commands/image_tree.hpp"
#include "commands/list_flags.hpp"
#include "commands/rows.hpp"
#include "format/units.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kNone = "<none>";
constexpr const char* kImagesTable = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
constexpr const char* kDigestTable = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

const ColumnHeads kImagesHeads{{"ID", "IMAGE ID"},
                               {"Repository", "REPOSITORY"},
                               {"Tag", "TAG"},
                               {"Digest", "DIGEST"},
                               {"CreatedSince", "CREATED"},
                               {"CreatedAt", "CREATED AT"},
                               {"Size", "SIZE"},
                               {"Containers", "CONTAINERS"},
                               {"VirtualSize", "SIZE"},
                               {"SharedSize", "SHARED SIZE"},
                               {"UniqueSize", "UNIQUE SIZE"}};

struct Name {
  std::string repository;
  std::string tag;
  std::string digest;
};

std::pair<std::string, std::string> split_tag(const std::string& reference) {
  const auto colon = reference.rfind(':');
  if (colon == std::string::npos || reference.find('/', colon) != std::string::npos) return {reference, ""};
  return {reference.substr(0, colon), reference.substr(colon + 1)};
}

std::vector<std::string> texts(const Json& image, const char* key) {
  const auto found = image.find(key);
  if (found == image.end() || !found->is_array()) return {};
  return found->get<std::vector<std::string>>();
}

/// The lines that one image takes in a list: one for each tag, or one for what has none.
std::vector<Name> names_of(const Json& image, bool with_digests) {
  std::vector<Name> names;
  std::vector<std::pair<std::string, std::string>> digests;
  for (const std::string& text : texts(image, "RepoDigests")) {
    const auto pair = cut(text, '@');
    if (pair && pair->first != kNone) digests.emplace_back(pair->first, pair->second);
  }
  const auto digest_of = [&](const std::string& repository) {
    for (const auto& [name, digest] : digests) {
      if (name == repository) return digest;
    }
    return std::string(kNone);
  };
  for (const std::string& text : texts(image, "RepoTags")) {
    const auto [repository, tag] = split_tag(text);
    if (repository != kNone) names.push_back({repository, tag, with_digests ? digest_of(repository) : kNone});
  }
  for (const auto& [repository, digest] : digests) {
    const std::string& name = repository;
    const bool tagged =
        std::any_of(names.begin(), names.end(), [&](const Name& each) { return each.repository == name; });
    if (!tagged) names.push_back({repository, kNone, with_digests ? digest : kNone});
  }
  if (names.empty()) names.push_back({kNone, kNone, kNone});
  return names;
}

std::string optional_size(const Json& image, const char* key) {
  const std::int64_t size = image.value(key, std::int64_t{-1});
  return size < 0 ? "N/A" : human_size(static_cast<double>(size));
}

Json image_row(const Json& image, const Name& name, bool truncate) {
  const std::string id = image.value("Id", "");
  const std::int64_t created = image.value("Created", std::int64_t{0});
  const std::int64_t containers = image.value("Containers", std::int64_t{-1});
  const std::string size = human_size(static_cast<double>(image.value("Size", std::int64_t{0})));
  Json row = Json::object();
  row["Containers"] = containers < 0 ? "N/A" : std::to_string(containers);
  row["CreatedAt"] = local_time(created);
  row["CreatedSince"] = human_duration(std::time(nullptr) - created) + " ago";
  row["Digest"] = name.digest;
  row["ID"] = truncate ? short_id(id) : id;
  row["Repository"] = name.repository;
  row["SharedSize"] = optional_size(image, "SharedSize");
  row["Size"] = size;
  row["Tag"] = name.tag;
  row["UniqueSize"] = "N/A";
  row["VirtualSize"] = human_size(static_cast<double>(image.value("Size", std::int64_t{0})), 4);
  return row;
}

}  // namespace

std::vector<Json> image_rows(const Json& image, bool with_digests, bool truncate) {
  std::vector<Json> rows;
  for (const Name& name : names_of(image, with_digests)) rows.push_back(image_row(image, name, truncate));
  return rows;
}

int image_ls(Context& context) {
  bool all = false;
  bool digests = false;
  bool full = false;
  bool quiet = false;
  bool tree = false;
  ListFlags list;
  Flags flags;
  flags.toggle("all,a", all, "Show all images (default hides intermediate images)")
      .toggle("digests", digests, "Show digests")
      .toggle("no-trunc", full, "Don't truncate output")
      .toggle("quiet,q", quiet, "Only show image IDs")
      .toggle("tree", tree, "List each image with the manifests for its platforms");
  list.declare_filter(flags, "Filter output based on conditions provided");
  list.declare_format(flags);
  const auto words = context.parse(flags, Arity::between(0, 1));
  if (!words.empty()) list.filters.push_back("reference=" + words[0]);
  Query query;
  query.add_if(all, "all");
  list.add_filters(query);
  if (tree) {
    if (quiet) throw Failure("--quiet is not yet supported with --tree");
    if (full) throw Failure("--no-trunc is not yet supported with --tree");
    if (digests) throw Failure("--show-digest is not yet supported with --tree");
    if (!list.format.empty()) throw Failure("--format is not yet supported with --tree");
    query.add("manifests", "1");
    const std::string drawn = image_tree(context.client().get("/images/json" + query.text()));
    std::fputs(drawn.c_str(), stdout);
    return 0;
  }
  if (list.format.empty() && !quiet) list.format = context.config().text("imagesFormat");
  const Json images = context.client().get("/images/json" + query.text());
  const bool with_digests = digests || mentions(list.format, "Digest");
  std::vector<Json> rows;
  for (const Json& image : images) {
    for (Json& row : image_rows(image, with_digests, !full)) rows.push_back(std::move(row));
  }
  const std::string raw = std::string("repository: {{.Repository}}\n") + "tag: {{.Tag}}\n" +
                          (digests ? "digest: {{.Digest}}\n" : "") +
                          "image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
  list.print({list.format, digests ? kDigestTable : kImagesTable, kImagesHeads, "*formatter.imageContext", raw,
              "image_id: {{.ID}}"},
             rows, quiet, "{{.ID}}");
  return 0;
}

}  // namespace gantry::cli
